"""A developer's machine and the demo: needs no other service; keys are made once and kept in `var/`."""

from __future__ import annotations

from config.settings.base import *  # noqa: F403
from config.settings.base import (
    ALLOWED_HOSTS,
    AUDIT_SIGNING_KEYS,
    FIELD_ENCRYPTION_KEYS,
    SECRET_KEY,
    TELEMETRY_TOKEN_KEYS,
    VAR_DIR,
)
from config.settings.local_keys import local_key

SECRET_KEY = SECRET_KEY or local_key(VAR_DIR, "secret_key")
FIELD_ENCRYPTION_KEYS = FIELD_ENCRYPTION_KEYS or {1: local_key(VAR_DIR, "field_encryption_key")}
TELEMETRY_TOKEN_KEYS = TELEMETRY_TOKEN_KEYS or {1: local_key(VAR_DIR, "telemetry_token_key")}
AUDIT_SIGNING_KEYS = AUDIT_SIGNING_KEYS or {1: local_key(VAR_DIR, "audit_signing_key")}
ALLOWED_HOSTS = ALLOWED_HOSTS or ["127.0.0.1", "localhost", "[::1]", "testserver"]
WHITENOISE_USE_FINDERS = True
(VAR_DIR / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where it is missing
