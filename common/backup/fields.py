"""The part of this floor: master keys, and what nobody who steals a backup shall use."""

from __future__ import annotations

import base64

from django.conf import settings

from common.backup.contributions import CONTRIBUTIONS, Contribution, Facts
from common.backup.manifest import fingerprint
from common.context import COMMAND_LINE, unit_of_work
from common.keys import count_unreadable


def register() -> None:
    """Register it."""
    # A session's row is a log-in; counters of attempts mean nothing on another day.
    left_out = ("django_session", "throttle_counters")
    CONTRIBUTIONS.register("fields", Contribution(keys=_keys, verify=_verify, left_out=left_out))


def fingerprints(setting: str) -> dict[str, str]:
    """Return the fingerprints of a setting's keys, by "SETTING VERSION"."""
    keys: dict[int, str] = getattr(settings, setting)
    return {f"{setting} {version}": fingerprint(base64.b64decode(key)) for version, key in keys.items()}


def _keys() -> dict[str, str]:
    return fingerprints("FIELD_ENCRYPTION_KEYS")


def _verify(facts: Facts) -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        unreadable = count_unreadable()
    return [f"{unreadable} keys of people are not opened by FIELD_ENCRYPTION_KEYS"] if unreadable else []
