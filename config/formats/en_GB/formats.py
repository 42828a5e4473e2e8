"""English: hours count to 24, as on every page of our own. Names and codes are Django's (`date` filter)."""

DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATETIME_FORMAT = "d/m/Y H:i"
TIME_FORMAT = "H:i"
