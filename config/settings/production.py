"""Production: refuses to start with a missing secret, DEBUG on, or SQLite that nobody asked for."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.settings import env
from config.settings.base import *  # noqa: F403
from config.settings.base import DEBUG, SECRET_KEY, SILENCED_SYSTEM_CHECKS, USES_SQLITE
from config.settings.required import SETTINGS, missing

if _missing := missing(SETTINGS):
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
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # load balancers ask without TLS
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_PRELOAD", False)
# Whether every other name under this domain speaks TLS alone, nobody but its owner knows (SECURE_HSTS_PRELOAD).
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY") else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# The demo's passwords are public: it must not take production for a developer's machine.
ENVIRONMENT_NAME = env.text("ENVIRONMENT_NAME", "production")
