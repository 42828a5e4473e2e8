"""The browsable API in a real browser: a coach and an athlete review a plan by its forms alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import PASSWORD, taken
from tests.pages.test_pages import COACH, overflow
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
ATHLETE = "athlete@demo.mesocycle.example"
REFUSED = ("400 (Bad Request)", "401 (Unauthorized)", "403 (Forbidden)", "405 (Method Not Allowed)", "409 (Conflict)",
           "412 (Precondition Failed)")  # fmt: skip
"""What the browser itself reports of an answer that the page then shows in words."""
THIS_PLAN = ".api-links a:has-text('This plan')"
THIS_VERSION = ".api-links a:has-text('read and edit')"
Visit = Callable[..., tuple[Any, list[str]]]


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    """The cookies of who has logged in by the form, which each does once."""
    return {}


@pytest.fixture
def visit(server: Server, browser: Any, demo: dict[str, Any], states: dict[str, Any]) -> Iterator[Visit]:
    """Log somebody in from the API's own page; returns the list of plans and what went wrong on it so far."""
    contexts = []

    def log_in(email: str = COACH) -> tuple[Any, list[str]]:
        context = browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=states.get(email))
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and not m.text.endswith(REFUSED) else 0)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else wrong.append(r.url))
        page.goto(f"{server.url}/api/v1/plans")
        if email not in states:
            assert "Log in" in page.inner_text(".api-problem")
            page.click(".api-problem a:has-text('Log in')")
            page.fill("input[name=username]", email)
            page.fill("input[name=password]", PASSWORD)
            page.click("input[type=submit]")
            page.wait_for_url("**/api/v1/plans")
            states[email] = context.storage_state()
        return page, wrong

    yield log_in
    for context in contexts:
        context.close()


def of_plan(page: Any, path: str) -> Any:
    """Return what the API answers about a plan, `path` from its id on."""
    answer = page.request.get(page.url.split("/api/")[0] + f"/api/v1/plans/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def follow(page: Any, link: str) -> None:
    """Click a link and wait until the page behind it is there to the end: a click returns before."""
    with page.expect_navigation():
        page.click(link)


def open_plan(page: Any, athlete: str) -> str:
    """Follow the link to an athlete's plan; returns its id."""
    page.goto(page.url.split("/api/")[0] + "/api/v1/plans")
    follow(page, f".api-links a:has-text('{athlete}')")
    expect(page.locator("form[aria-label='Comment']")).to_be_visible()
    return page.url.rsplit("/", 1)[1]


def actions(page: Any) -> set[str]:
    """Return what the page's forms are for."""
    return {form.get_attribute("aria-label") for form in page.locator("form.api-form").all()}


def send(page: Any, form: str, **values: str) -> int:
    """Fill a form in and send it; returns the status that the page shows."""
    for name, value in values.items():
        place = page.locator(f"form[aria-label='{form}'] [name={name}]")
        place.select_option(value) if place.evaluate("e => e.tagName") == "SELECT" else place.fill(value)
    return sent(page, form)


def send_json(page: Any, form: str, change: Callable[[Any], Any]) -> int:
    """Change the example document of a form and send it."""
    place = page.locator(f"form[aria-label='{form}'] textarea")
    place.fill(json.dumps(change(json.loads(place.input_value()))))
    return sent(page, form)


def sent(page: Any, form: str) -> int:
    with page.expect_response(lambda response: response.request.method in ("POST", "PATCH")) as response:
        page.click(f"form[aria-label='{form}'] button")
    page.wait_for_load_state()
    page.wait_for_selector(f".response-info >> text=HTTP {response.value.status}")
    return int(response.value.status)


def retitled(title: str) -> Callable[[Any], Any]:
    def change(document: Any) -> Any:
        (session,) = document["sessions"].values()
        session["title"] = title
        return document

    return change


@pytest.mark.heavy
def test_a_plan_is_edited_submitted_sent_back_and_accepted_by_forms(visit: Visit) -> None:
    page, wrong = visit()
    plan = open_plan(page, "Runner 01")
    taken(page, "api-plan", full_page=True)
    assert nameless_controls(page) == []
    assert overflow(page) == 0

    follow(page, THIS_VERSION)
    version = page.url
    assert send_json(page, "What if", lambda body: loaded(body, 5.0)) == 200
    assert '"delta"' in page.inner_text(".response-info")
    page.goto(version)
    assert send_json(page, "Edit", retitled("By form")) == 200
    assert of_plan(page, plan)["head_version"]["version_number"] == 2
    assert "By form" in json.dumps(of_plan(page, f"{plan}/versions/{of_plan(page, plan)['head_version']['id']}"))

    follow(page, THIS_PLAN)
    assert send(page, "Comment", message="Have a look at Tuesday") == 201
    follow(page, THIS_PLAN)
    assert actions(page) == {"Comment", "Generate again", "Submit to the athlete", "Withdraw"}
    assert send(page, "Submit to the athlete", comment="Ready", reason="coach_judgement") == 200
    assert '"coach_reviewed"' in page.inner_text(".response-info")

    other, also_wrong = visit(ATHLETE)
    open_plan(other, "Runner 01")
    assert actions(other) == {"Comment", "Approve or request changes"}
    assert send(other, "Approve or request changes", decision="request_changes", comment="Not on Tuesday") == 200
    follow(page, THIS_PLAN)
    assert send(page, "Submit to the athlete", comment="Again") == 200
    open_plan(other, "Runner 01")
    assert send(other, "Approve or request changes", decision="accept") == 200
    assert of_plan(page, plan)["status"] == "published"
    page.goto(page.url.replace("/submit", "/changelog"))
    assert "Not on Tuesday" in page.inner_text(".response-info")
    assert wrong == also_wrong == []


def loaded(body: Any, load: float) -> Any:
    body["operations"][0]["value"] = load
    return body


@pytest.mark.heavy
def test_what_was_refused_is_said_in_words_and_what_was_typed_stays(visit: Visit) -> None:
    page, wrong = visit()
    plan = open_plan(page, "Runner 03")
    assert send(page, "Comment", message="On what?", anchor_id="no-id") == 400
    assert "#/anchor_id" in page.inner_text(".api-problem li")
    assert page.input_value("form[aria-label=Comment] [name=message]") == "On what?"
    assert send(page, "Comment", anchor_id="") == 201

    follow(page, THIS_PLAN)
    follow(page, THIS_VERSION)
    stale = page.context.new_page()
    stale.goto(page.url)
    assert send_json(page, "Edit", retitled("First")) == 200
    assert send_json(stale, "Edit", retitled("Second")) == 412
    assert "Somebody saved" in stale.inner_text(".api-problem")
    assert "Second" in stale.input_value("form[aria-label=Edit] textarea")
    taken(stale, "api-stale", full_page=True)
    page.fill("form[aria-label=Edit] textarea", '{"sessions": {"x": NaN}}')
    assert sent(page, "Edit") == 400
    assert "NaN" in page.inner_text(".api-problem")
    assert of_plan(page, plan)["head_version"]["version_number"] == 2
    assert wrong == []


def test_a_plan_is_generated_again_and_withdrawn_by_forms(visit: Visit) -> None:
    page, wrong = visit()
    plan = open_plan(page, "Runner 05")
    assert send(page, "Generate again", goal_time="soon") == 400
    assert "#/goal_time" in page.inner_text(".api-problem li")
    follow(page, THIS_PLAN)
    assert send(page, "Generate again", goal_time="3:59:00") == 200
    assert of_plan(page, plan)["goal_time"] == "3:59:00"
    follow(page, THIS_PLAN)
    assert send(page, "Withdraw", comment="Another race") == 200
    assert of_plan(page, plan)["status"] == "withdrawn"
    assert wrong == []


def test_no_page_offers_the_rows_of_a_table_to_choose_from(visit: Visit) -> None:
    page, wrong = visit()
    plan = open_plan(page, "Runner 01")
    base = page.url.split("/api/")[0] + "/api/v1"
    athlete = of_plan(page, plan)["athlete_id"]
    places = ["plans", "athletes", "notifications", "me", f"athletes/{athlete}/schedule", f"plans/{plan}/submit"]
    places += [f"plans/{plan}/{name}" for name in ("versions", "comments", "changelog", "what-if", "approve")]
    for place in places:
        page.goto(f"{base}/{place}")
        shown = page.eval_on_selector_all("select option", "options => options.map((o) => o.textContent)")
        assert not [text for text in shown if "Runner" in text or "Rider" in text], place
        assert len(shown) < 30, place
        expect(page.locator(".response-info"), place).to_have_count(1)
    assert wrong == []


def test_a_session_without_the_csrf_token_changes_nothing(visit: Visit) -> None:
    page, _ = visit()
    plan = open_plan(page, "Runner 02")
    answer = page.request.post(f"{page.url}/comments", data={"message": "forged"})
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert of_plan(page, f"{plan}/comments") == []


def nameless_controls(page: Any) -> list[str]:
    """Return the controls of our own forms that no label names."""
    script = """() => [...document.querySelectorAll('.api-form :is(input:not([type=hidden]), select, textarea)')]
      .filter((control) => !control.labels.length).map((control) => control.outerHTML)"""
    return page.evaluate(script)
