"""Tests: quick hashes, mail kept in memory, keys of their own; the database is a migrated copy
(`tests/conftest.py`)."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import tempfile


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # not a child that ends before its parent
        shutil.rmtree(folder, ignore_errors=True)


if "MESOCYCLE_VAR" not in os.environ:
    os.environ["MESOCYCLE_VAR"] = tempfile.mkdtemp(prefix="mesocycle-test-")
    atexit.register(_remove, os.environ["MESOCYCLE_VAR"], os.getpid())
os.environ.setdefault("LOG_LEVEL", "ERROR")

import dj_database_url  # noqa: E402

from config.settings import env  # noqa: E402
from config.settings.base import *  # noqa: E402, F403

SECRET_KEY = "only-for-tests-" + "0" * 40
FIELD_ENCRYPTION_KEYS = {1: base64.b64encode(b"f" * 32).decode()}
TELEMETRY_TOKEN_KEYS = {1: base64.b64encode(b"t" * 32).decode()}
TELEMETRY_VALIDATE = env.flag("TELEMETRY_VALIDATE", True)
AUDIT_SIGNING_KEYS = {1: base64.b64encode(b"a" * 32).decode()}
FLAGS_REFRESH = env.text("FLAGS_REFRESH", "inline")
THROTTLE_RATES = dict.fromkeys(THROTTLE_RATES, "off")  # noqa: F405  (tests that are about limits set their own)
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

if env.flag("TEST_ON_POSTGRES"):
    # The suite connects as the application's role, which owns nothing, so that row-level security is in force.
    _admin = dj_database_url.parse(env.text("TEST_DATABASE_ADMIN_URL"))
    DATABASES = {
        "default": {
            **_admin,
            "OPTIONS": {**_admin.get("OPTIONS", {}), **POSTGRES_OPTIONS},  # noqa: F405
            "USER": "app_rw",
            "NAME": env.text("TEST_DATABASE_NAME", "mesocycle_test"),
            "CONN_MAX_AGE": 0,
        }
    }
    USES_SQLITE = False
