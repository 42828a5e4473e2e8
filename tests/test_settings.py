"""Production refuses to start where it would be unsafe, and says why in one line."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest

from tests.support.databases import ROOT

pytestmark = pytest.mark.pure

KEY = "1:" + base64.b64encode(b"k" * 32).decode()
GOOD = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "s" * 50,
    "ALLOWED_HOSTS": "plans.example",
    "FIELD_ENCRYPTION_KEYS": KEY,
    "TELEMETRY_TOKEN_KEYS": KEY,
    "AUDIT_SIGNING_KEYS": KEY,
    "DATABASE_URL": "postgresql://app_rw@db.invalid/mesocycle",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Import the production settings in a process of its own."""
    env = {"PATH": os.environ["PATH"], **GOOD, **changes}
    command = [sys.executable, "-c", "import django; django.setup()"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_complete_settings_start():
    done = start()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"FIELD_ENCRYPTION_KEYS": "", "ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS, FIELD_ENCRYPTION_KEYS"),
        ({"AUDIT_SIGNING_KEYS": ""}, "AUDIT_SIGNING_KEYS"),
        ({"SECRET_KEY": "short"}, "32 characters"),
        ({"DEBUG": "yes"}, "DEBUG must be off"),
        ({"DEBUG": "perhaps"}, "DEBUG must be yes or no"),
        ({"DATABASE_URL": "sqlite:////tmp/never.sqlite3"}, "ALLOW_SQLITE"),
        ({"FIELD_ENCRYPTION_KEYS": "secret"}, "VERSION:KEY"),
    ],
)
def test_unsafe_settings_are_refused_with_their_reason(changes, says):
    done = start(**changes)
    assert done.returncode != 0
    assert says in done.stderr
