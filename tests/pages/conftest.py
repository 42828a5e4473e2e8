"""What tests of the working pages share: the demo's data on a server of their own, and people logged in on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import PASSWORD, PENDING, PICTURES, Visit, is_error
from tests.pages.test_pages import COACH
from tests.support.databases import ON_POSTGRES, Databases
from tests.support.processes import Server, serving
from tests.support.renewable import Renewable

# A page may take long where cores are shared; nothing waits longer than it must.
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def renewable(databases: Databases, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Renewable]:
    """One server for all files of pages that this worker runs."""
    renewable = Renewable(databases, databases.demo(), tmp_path_factory.mktemp("pages"), worker_id)
    yield renewable
    renewable.close()


@pytest.fixture(scope="module")
def server(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, worker_id: str, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """A real server on a fresh copy of the demo's data, which is made once a run."""
    if ON_POSTGRES:
        yield from serving(databases, databases.demo(), tmp_path_factory.mktemp("server"), worker_id)
    else:
        yield request.getfixturevalue("renewable").renewed()


@pytest.fixture(scope="module")
def demo(databases: Databases) -> dict[str, Any]:
    """What the demo's command said when it made the data; a second run is the story's to test."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    told: dict[str, Any] = databases.demo_told()
    return told


@pytest.fixture(scope="module")
def logged_in(server: Server, browser: Any) -> Callable[[str], Any]:
    """Return the cookies of somebody who has logged in by the form, which each does once a server."""
    states: dict[str, Any] = {}

    def state(email: str) -> Any:
        if email not in states:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{server.url}/admin/login/")
            page.fill("input[name=username]", email)
            page.fill("input[name=password]", PASSWORD)
            page.press("input[name=password]", "Enter")
            page.wait_for_url(lambda url: "/login/" not in url)
            states[email] = context.storage_state()
            context.close()
        return states[email]

    return state


@pytest.fixture
def visit(server: Server, browser: Any, demo: dict[str, Any], logged_in: Callable[[str], Any]) -> Iterator[Visit]:
    """Log somebody in, who then stands on the pending list; returns the page and what went wrong on it so far."""
    contexts = []

    def log_in(email: str = COACH) -> tuple[Any, list[str]]:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=logged_in(email))
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("console", lambda message: wrong.append(message.text) if is_error(message) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else wrong.append(r.url))
        page.goto(f"{server.url}{PENDING}")
        return page, wrong

    yield log_in
    for context in contexts:
        context.close()
