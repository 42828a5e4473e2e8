"""Production as its settings make it: Django's own list of checks, TLS, cookies, what plain HTTP gets."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.databases import ROOT
from tests.test_settings import GOOD

pytestmark = pytest.mark.pure

TOLD: Final = """
import json, django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
call_command("check", deploy=True, fail_level="WARNING")
client = Client(headers={"host": "plans.example"})
plain, safe = client.get("/admin/login/?x=1"), client.get("/health/live", secure=True)
asked = client.get("/health/live")
posted = client.post("/api/v1/auth/token", secure=True, content_type="application/json", data="{")
print(json.dumps({
    "plain": [plain.status_code, plain.headers["Location"]],
    "safe": [safe.status_code, safe.headers["Strict-Transport-Security"]],
    "asked": asked.status_code,
    "posted": [posted.status_code, "Traceback" in posted.content.decode()],
    "cookies": {name: getattr(settings, name) for name in dir(settings) if "_COOKIE_" in name},
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process under production settings says of itself."""
    env = {
        "PATH": os.environ["PATH"],
        **GOOD,
        "SECRET_KEY": secrets.token_urlsafe(60),
        "MESOCYCLE_VAR": str(tmp_path_factory.mktemp("var")),
    }
    Path(env["MESOCYCLE_VAR"], "static").mkdir()
    done = subprocess.run([sys.executable, "-c", TOLD], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_checks_for_deployment_find_nothing_and_all_goes_over_tls(told: dict[str, Any]) -> None:
    assert told["plain"] == [301, "https://plans.example/admin/login/?x=1"]
    assert told["asked"] == 200, "load balancers ask without TLS"
    assert told["safe"] == [200, "max-age=31536000"]
    assert told["posted"] == [400, False]


def test_cookies_are_kept_from_scripts_from_other_sites_and_from_plain_http(told: dict[str, Any]) -> None:
    cookies = told["cookies"]
    assert cookies["SESSION_COOKIE_SECURE"] and cookies["CSRF_COOKIE_SECURE"]
    assert cookies["SESSION_COOKIE_HTTPONLY"]
    assert {cookies["SESSION_COOKIE_SAMESITE"], cookies["CSRF_COOKIE_SAMESITE"]} == {"Lax"}
    assert cookies["SESSION_COOKIE_DOMAIN"] is None and cookies["CSRF_COOKIE_DOMAIN"] is None
