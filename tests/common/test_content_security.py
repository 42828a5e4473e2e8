"""The policy on each answer: no page runs a script that does not come from us as a file."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


class Inline(HTMLParser):
    """Collects what a policy without 'unsafe-inline' would block: scripts without an address, handlers, javascript:."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") not in ("application/json", "text/template"):
            self.found.append(f"<script> {attrs}")
        self.found += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        self.found += [f"{tag} {name}" for name, value in attrs if (value or "").strip().startswith("javascript:")]


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.login(username=make_user("admin", email="csp@test.example").email, password=PASSWORD)
    return client


def scripts_of(policy: str) -> set[str]:
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'self'" and directives["frame-ancestors"] == "'none'"
    return set(directives["script-src"].split())


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/admin/", {"'self'", "'unsafe-eval'"}),
        ("/admin/plans/plan/pending/", {"'self'", "'unsafe-eval'"}),
        ("/admin/metrics/", {"'self'", "'unsafe-eval'"}),
        ("/admin/accounts/user/", {"'self'", "'unsafe-eval'"}),
        ("/password/reset/", {"'self'", "'unsafe-eval'"}),
        ("/api/v1/plans", {"'self'"}),
        ("/api/v1/notifications", {"'self'"}),
        ("/api/docs/", {"'self'"}),
        ("/api/session/login/", {"'self'"}),
        ("/health/live", {"'self'"}),
        ("/no/such/page", {"'self'"}),
    ],
)
def test_pages_run_only_scripts_that_are_files_of_ours(admin: Client, address: str, allowed: set[str]) -> None:
    answer = admin.get(address, headers={"accept": "text/html"})
    assert scripts_of(answer.headers["Content-Security-Policy"]) == allowed
    found = Inline()
    found.feed(answer.content.decode())
    assert found.found == []


def test_somebody_logs_out_of_the_browsable_pages(admin: Client) -> None:
    page = admin.get("/api/v1/plans", headers={"accept": "text/html"}).content.decode()
    assert 'action="/api/session/logout/?next=/api/v1/plans"' in page and "<button" in page
    admin.post("/api/session/logout/")
    assert admin.get("/api/v1/plans").status_code == 401
