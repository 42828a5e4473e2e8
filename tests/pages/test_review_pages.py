"""Reviewing in a real browser, on a real server: pending list, edits, save conflict, ten plans by keyboard alone."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from plans.presentation import clock_text
from tests.pages.test_pages import COACH, overflow
from tests.support.databases import ROOT
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
COACHES = (COACH, "coach2@demo.mesocycle.example")
PASSWORD = "mesocycle-demo"
PLANS_BY_KEYBOARD = 10
MOST_KEYS = 20
PENDING = "/admin/plans/plan/pending/"
PICTURES = ROOT / "var" / "screenshots"
MOUSE_EVENTS = "['pointerdown', 'mousedown', 'mousemove', 'wheel', 'touchstart', 'dragstart']"
FREE_DAY = ".rv-rest:not([aria-disabled])"


@pytest.fixture(scope="module")
def demo(server: Server) -> dict[str, Any]:
    PICTURES.mkdir(parents=True, exist_ok=True)
    return server.manage_json("demo", "--no-serve")


@pytest.fixture
def visit(server: Server, browser: Any, demo: dict[str, Any]) -> Iterator[Callable[..., tuple[Any, list[str]]]]:
    """Log somebody in, who then stands on the pending list; returns the page and what went wrong on it so far."""
    contexts = []

    def log_in(email: str = COACH) -> tuple[Any, list[str]]:
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.set_default_timeout(15_000)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else wrong.append(r.url))
        page.goto(f"{server.url}/admin/login/")
        page.fill("input[name=username]", email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"**{PENDING}")
        return page, wrong

    yield log_in
    for context in contexts:
        context.close()


def open_review(page: Any, plan: str) -> None:
    """Go to a plan's review page and wait until its first what-if is answered."""
    with page.expect_response("**/what-if"):
        page.goto(page.url.split("/admin/")[0] + f"/admin/plans/plan/{plan}/change/")
    page.wait_for_selector("#rv-chart-box:not([hidden])")


def of_plan(page: Any, path: str) -> Any:
    """Return what the API answers about a plan, `path` from its id on."""
    answer = page.request.get(page.url.split("/admin/")[0] + f"/api/v1/plans/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def pending_ids(page: Any) -> list[str]:
    """Return the plans on the pending list, from top to bottom."""
    hrefs = page.eval_on_selector_all(".mp-who a", "links => links.map((link) => link.getAttribute('href'))")
    return [href.split("/")[-3] for href in hrefs]


def edited(page: Any, act: Callable[[], None]) -> dict[str, Any]:
    """Do an edit; returns the what-if that the page asked about it, once the page shows it."""
    with page.expect_response("**/what-if") as response:
        act()
    page.wait_for_selector("#rv-whatif > div:not(.rv-computing)")
    return response.value.json()


def chip(page: Any, session: str) -> Any:
    return page.locator(f".rv-chip[data-item='{session}']")


def movable(page: Any, count: int, kind: str = "") -> list[dict[str, str]]:
    """Return sessions that may be moved to the next day, spread over the plan: {id, day}."""
    script = """([kind, today]) => [...document.querySelectorAll(`.rv-chip[draggable=true]${kind}`)]
      .filter((chip) => chip.dataset.day > today && !chip.closest('.rv-day').matches(':nth-child(7)'))
      .map((chip) => ({ id: chip.dataset.item, day: chip.dataset.day }))"""
    found = page.evaluate(script, [kind and f".mc-{kind}", date.today().isoformat()])
    assert len(found) >= count
    return found[:: len(found) // count][:count]


def test_a_coach_edits_a_plan_and_submits_it(visit: Callable[..., tuple[Any, list[str]]]) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[0]
    assert page.locator(".mp-table tbody tr").count() == len(pending_ids(page)) >= 2
    picture(page, "pending-1280")
    with page.expect_response("**/what-if") as response:
        page.click(".mp-who a >> nth=0")
    assert plan in page.url
    assert shown_time(page).endswith(clock_text(response.value.json()["after"]["value"]))
    first, second, third = movable(page, 3, "easy")

    edit_in_dialog(page, first["id"])
    move_by_keyboard(page, second["id"])
    add_by_keyboard(page)
    remove_and_undo(page, third["id"])
    assert page.inner_text("#rv-count") == "3 unsaved edits"
    picture(page, "review-1280")

    assert asks_before_leaving(page)
    save_as_second_version(page, plan, first["id"])
    assert not asks_before_leaving(page)
    open_review(page, plan)
    assert page.inner_text("#rv-version") == "v2"
    picture(page, "review-390", (390, 844))
    submit(page, "Shorter weeks, as we said.")
    picture(page, "submitted-1280")
    assert of_plan(page, plan)["status"] == "coach_reviewed"
    page.keyboard.press("p")
    page.wait_for_url(f"**{PENDING}")
    assert plan not in pending_ids(page)
    picture(page, "pending-390", (390, 844))
    assert wrong == []


def edit_in_dialog(page: Any, session: str) -> None:
    """Double a session, with a reason and a note; the numbers on the right follow."""
    before = page.inner_text("#rv-whatif")
    chip(page, session).click()
    minutes = page.get_by_label("Duration, min")
    longer = round(2 * float(minutes.input_value()))
    minutes.fill(str(longer))
    page.get_by_label("Reason for the change").select_option("athlete_preference")
    page.get_by_label("In your words").fill("Has a free morning")
    page.wait_for_selector(".rv-preview b")
    picture(page, "dialog-1280")
    what_if = edited(page, lambda: page.keyboard.press("Control+Enter"))
    assert page.locator("dialog[open]").count() == 0
    assert "changed, unsaved" in chip(page, session).get_attribute("aria-label")
    assert f"{longer // 60}:{longer % 60:02}" in chip(page, session).inner_text()
    assert page.inner_text("#rv-whatif") != before
    assert shown_time(page).endswith(clock_text(what_if["after"]["value"]))
    assert any("↑" in badge for badge in badges(page))


def move_by_keyboard(page: Any, session: str) -> None:
    item = chip(page, session)
    day = date.fromisoformat(item.get_attribute("data-day"))
    item.focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    edited(page, lambda: page.keyboard.press("Enter"))
    assert (date.fromisoformat(item.get_attribute("data-day")) - day).days == 1
    assert item.evaluate("item => item === document.activeElement")
    assert "Moved 1" in badges(page)


def add_by_keyboard(page: Any) -> None:
    chips = page.locator(".rv-chip").count()
    page.locator(FREE_DAY).last.focus()
    page.keyboard.press("n")
    page.wait_for_selector("dialog[open]")
    edited(page, lambda: page.keyboard.press("Control+Enter"))
    assert page.locator(".rv-chip").count() == chips + 1
    assert "added, unsaved" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def remove_and_undo(page: Any, session: str) -> None:
    chip(page, session).focus()
    edited(page, lambda: page.keyboard.press("Delete"))
    assert page.inner_text("#rv-count") == "4 unsaved edits"
    assert "removed, unsaved" in chip(page, session).get_attribute("aria-label")
    edited(page, lambda: page.keyboard.press("u"))
    assert "removed" not in chip(page, session).get_attribute("aria-label")


def asks_before_leaving(page: Any) -> bool:
    """Try to leave by the athlete's link; returns whether the browser asked, and stays if it did."""
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    here = page.url
    page.click(".rv-header .mc-title a", no_wait_after=True)
    deadline = time.monotonic() + 10
    while not asked and page.url == here and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.remove_listener("dialog", stay)
    assert bool(asked) == (page.url == here)
    return asked == ["beforeunload"]


def save_as_second_version(page: Any, plan: str, session: str) -> None:
    page.keyboard.press("Control+s")
    page.wait_for_selector("#rv-version:text('v2')")
    assert page.inner_text("#rv-count") == "Nothing unsaved"
    head = of_plan(page, plan)["head_version"]
    assert head["version_number"] == 2
    changes = {change["session_id"]: change for change in of_plan(page, f"{plan}/versions/{head['id']}")["changes"]}
    assert len(changes) == 3
    assert (changes[session]["reason"], changes[session]["note"]) == ("athlete_preference", "Has a free morning")


def submit(page: Any, comment: str) -> None:
    """Submit with a comment; where a safety guard is newly broken, say why."""
    page.keyboard.press("Control+Enter")
    page.get_by_label("Comment for the athlete").fill(comment)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".rv-good, .rv-guarded:not([hidden])")
    if page.locator(".rv-good").count() == 0:
        page.get_by_label("Reason", exact=True).select_option("coach_judgement")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".rv-good")
    page.wait_for_selector("dialog[open]", state="detached")


def shown_time(page: Any) -> str:
    page.wait_for_selector("#rv-whatif > div:not(.rv-computing)")
    return page.inner_text("#rv-whatif .rv-race > b")


def badges(page: Any) -> list[str]:
    return page.locator(".rv-badge").all_inner_texts()


def picture(page: Any, name: str, size: tuple[int, int] = (1280, 800)) -> None:
    """Take a picture at a size, at which nothing may stick out."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.screenshot(path=PICTURES / f"{name}.png")
    assert overflow(page) == 0, name
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_conflict_loses_nothing_and_saves_on_top(
    server: Server, browser: Any, visit: Callable[..., tuple[Any, list[str]]]
) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[-1]
    open_review(page, plan)
    mine, theirs, both = (row["id"] for row in movable(page, 3))
    for session, title in ((mine, "Mine"), (both, "Mine too")):
        edited(page, lambda session=session, title=title: rename(page, session, title))
    number = save_elsewhere(server, browser, plan, {theirs: "Theirs", both: "Theirs too"})

    page.keyboard.press("Control+s")
    panel = page.locator("dialog[open]")
    panel.get_by_text("2 edits are kept").wait_for()
    assert f"Version {number} was saved by Clara Coach" in panel.inner_text()
    assert panel.locator("fieldset").count() == 1
    assert "Theirs too" in panel.locator("fieldset").inner_text()
    page.keyboard.press("Escape")
    assert page.inner_text("#rv-count") == "2 unsaved edits"
    assert "Mine" in chip(page, mine).get_attribute("aria-label")

    page.click("#rv-notices >> text=Compare")
    page.click("text=Merge and save on top")
    page.wait_for_selector(f"#rv-version:text('v{number + 1}')")
    head = of_plan(page, plan)["head_version"]
    titles = titles_of(of_plan(page, f"{plan}/versions/{head['id']}"))
    assert [titles[session] for session in (mine, theirs, both)] == ["Mine", "Theirs", "Mine too"]
    assert page.inner_text("#rv-count") == "Nothing unsaved"
    assert [line for line in wrong if "412" not in line] == []


def rename(page: Any, session: str, title: str) -> None:
    chip(page, session).click()
    page.get_by_label("Title").fill(title)
    page.keyboard.press("Control+Enter")


def save_elsewhere(server: Server, browser: Any, plan: str, titles: dict[str, str]) -> int:
    """Rename sessions of a plan through the API with a token; returns the number of the version that it makes."""
    request = browser.new_context().request
    account = {"email": COACH, "password": PASSWORD}
    token = request.post(f"{server.url}/api/v1/auth/token", data=account).json()["access"]
    headers = {"Authorization": f"Bearer {token}"}
    head = request.get(f"{server.url}/api/v1/plans/{plan}", headers=headers)
    headers |= {"If-Match": head.headers["etag"], "Content-Type": "application/json-patch+json"}
    patch = [{"op": "replace", "path": f"/sessions/{key}/title", "value": value} for key, value in titles.items()]
    address = f"{server.url}/api/v1/plans/{plan}/versions/{head.json()['head_version']['id']}"
    saved = request.patch(address, headers=headers, data=json.dumps(patch))
    assert saved.status == 200, saved.text()
    return saved.json()["version_number"]


def titles_of(version: dict[str, Any]) -> dict[str, str]:
    return {row["session_id"]: row["title"] for week in version["weeks"] for row in week["sessions"]}
