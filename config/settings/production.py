"""Production: refuses to start with a missing secret, DEBUG on, or SQLite that nobody asked for."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.settings import env
from config.settings.base import *  # noqa: F403
from config.settings.base import (
    ALLOWED_HOSTS,
    AUDIT_SIGNING_KEYS,
    DEBUG,
    FIELD_ENCRYPTION_KEYS,
    SECRET_KEY,
    TELEMETRY_TOKEN_KEYS,
    USES_SQLITE,
)

_missing = [
    name
    for name, value in {
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": ALLOWED_HOSTS,
        "FIELD_ENCRYPTION_KEYS": FIELD_ENCRYPTION_KEYS,
        "TELEMETRY_TOKEN_KEYS": TELEMETRY_TOKEN_KEYS,
        "AUDIT_SIGNING_KEYS": AUDIT_SIGNING_KEYS,
    }.items()
    if not value
]
if _missing:
    raise ImproperlyConfigured(f"production needs {', '.join(_missing)} in the environment")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY must have at least 32 characters")
if DEBUG:
    raise ImproperlyConfigured("DEBUG must be off in production")
if USES_SQLITE and not env.flag("ALLOW_SQLITE"):
    raise ImproperlyConfigured(
        "production wants PostgreSQL in DATABASE_URL; to run on SQLite all the same, say ALLOW_SQLITE=yes"
    )

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY") else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# The demo's passwords are public: it must not take production for a developer's machine.
ENVIRONMENT_NAME = env.text("ENVIRONMENT_NAME", "production")
