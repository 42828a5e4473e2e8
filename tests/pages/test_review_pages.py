"""Reviewing in a real browser, on a real server: pending list, edits, save conflict, ten plans by keyboard alone."""

from __future__ import annotations

import json
import re
import statistics
import sys
import time
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect

from plans.presentation import clock_text
from tests.pages.reviewing import (
    PENDING,
    PICTURES,
    Keyboard,
    Visit,
    asks_before_leaving,
    badges,
    chip,
    edited,
    movable,
    nameless,
    of_plan,
    open_review,
    pending_ids,
    picture,
    pictures,
    save_elsewhere,
    shown_time,
    titles_of,
)
from tests.pages.test_pages import COACH
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
COACHES = (COACH, "coach2@demo.mesocycle.example")
PLANS_BY_KEYBOARD = 10
MOST_KEYS = 20
REPORT_MOUSE = """for (const name of ["pointerdown", "mousedown", "mousemove", "wheel", "touchstart", "dragstart"])
  addEventListener(name, () => mouseUsed(name), true);"""
FREE_DAY = ".rv-rest:not([aria-disabled])"
BADGE = f'#nav-sidebar a[href="{PENDING}"] > span:last-child'


def test_a_coach_edits_a_plan_and_submits_it(visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[0]
    waiting = len(pending_ids(page))
    assert page.locator(".mp-table tbody tr").count() == waiting >= 2
    picture(page, "pending-1280")
    with page.expect_response("**/what-if") as response:
        page.click(".mp-who a >> nth=0")
    assert plan in page.url
    assert shown_time(page).endswith(clock_text(response.value.json()["after"]["value"]))
    first, second, third = movable(page, 3, "easy")

    edit_in_dialog(page, first)
    move_by_keyboard(page, second)
    add_by_keyboard(page)
    remove_and_undo(page, third)
    assert page.inner_text("#rv-count") == "3 unsaved edits"
    picture(page, "review-1280")

    assert asks_before_leaving(page)
    save_as_second_version(page, plan, first)
    assert not asks_before_leaving(page)
    open_review(page, plan)
    assert page.inner_text("#rv-version") == "v2"
    picture(page, "review-390", (390, 844))
    assert re.findall(r"v\d\s+\w+", page.inner_text("#rv-timeline")) == ["v2\nedited", "v1\ngenerated"]
    expect(page.locator(BADGE)).to_have_text(str(waiting))
    submit(page, "Shorter weeks, as we said.")
    expect(page.locator(BADGE)).to_have_text(str(waiting - 1))
    pictures(page, "submitted")
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
    pictures(page, "dialog")
    what_if = edited(page, lambda: page.keyboard.press("Control+Enter"))
    expect(page.locator("dialog[open]")).to_have_count(0)
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
    page.locator(FREE_DAY).first.focus()
    page.keyboard.press("n")
    page.wait_for_selector("dialog[open]")
    edited(page, lambda: page.keyboard.press("Control+Enter"))
    expect(page.locator(".rv-chip")).to_have_count(chips + 1)
    assert "added, unsaved" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def remove_and_undo(page: Any, session: str) -> None:
    chip(page, session).focus()
    edited(page, lambda: page.keyboard.press("Delete"))
    assert page.inner_text("#rv-count") == "4 unsaved edits"
    assert "removed, unsaved" in chip(page, session).get_attribute("aria-label")
    edited(page, lambda: page.keyboard.press("u"))
    assert "removed" not in chip(page, session).get_attribute("aria-label")


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
        page.locator(".rv-guarded select").select_option("coach_judgement")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".rv-good")
    page.wait_for_selector("dialog[open]", state="detached")


def test_a_conflict_loses_nothing_and_saves_on_top(server: Server, browser: Any, visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[-1]
    open_review(page, plan)
    mine, theirs, both = movable(page, 3)
    for session, title in ((mine, "Mine"), (both, "Mine too")):
        edited(page, lambda session=session, title=title: rename(page, session, title))
    number = save_elsewhere(server, browser, plan, {theirs: "Theirs", both: "Theirs too"})

    page.keyboard.press("Control+s")
    panel = page.locator("dialog[open]")
    panel.get_by_text("2 edits of yours are kept").wait_for()
    assert f"Version {number} was saved by Clara Coach" in panel.inner_text()
    expect(panel.locator("fieldset")).to_have_count(1)
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
    assert wrong == []


def rename(page: Any, session: str, title: str) -> None:
    chip(page, session).click()
    page.get_by_label("Title").fill(title)
    page.keyboard.press("Control+Enter")


def test_everything_on_both_pages_has_a_name_and_the_grid_is_one_tab_stop(visit: Visit) -> None:
    page, wrong = visit()
    assert nameless(page) == []
    open_review(page, pending_ids(page)[0])
    assert nameless(page) == []
    page.keyboard.press("1")
    for key in ("ArrowDown", "ArrowRight", "End"):
        page.keyboard.press(key)
        assert page.evaluate("[...document.querySelectorAll('#rv-cal *')].filter((e) => e.tabIndex >= 0).length") == 1
    here = page.evaluate("document.activeElement.dataset.day")
    page.keyboard.press("Tab")
    assert not page.evaluate("document.querySelector('#rv-cal').contains(document.activeElement)")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.dataset.day") == here
    page.locator(".rv-chip[draggable=true]").last.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert nameless(page) == []
    assert wrong == []


def test_who_comes_back_to_the_list_stands_on_the_plan_they_left(visit: Visit) -> None:
    page, wrong = visit()
    page.keyboard.press("j")
    page.keyboard.press("Tab")
    page.keyboard.press("j")
    plan = pending_ids(page)[2]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{plan}/change/")
    page.wait_for_selector("#rv-cal [data-item][tabindex='0']")
    page.keyboard.press("P")
    page.wait_for_url(f"**{PENDING}")
    page.wait_for_selector(".mp-at")
    assert plan in page.evaluate("document.activeElement.href")
    assert wrong == []


def test_ten_plans_are_reviewed_by_keyboard_alone(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    reviewed: dict[str, dict[str, float]] = {}
    by_mouse: list[str] = []
    for email in COACHES:
        page, wrong = visit(email)
        page.context.expose_binding("mouseUsed", lambda _, name: by_mouse.append(name))
        page.context.add_init_script(REPORT_MOUSE)
        page.reload()
        while len(reviewed) < PLANS_BY_KEYBOARD and pending_ids(page):
            plan, reviewed_in = review_by_keyboard(page)
            reviewed[plan] = reviewed_in
            head = of_plan(page, plan)
            changes = head["head_version"]["diff_summary_json"]["sessions"]
            assert (head["status"], changes["moved"]) == ("coach_reviewed", 1)
            assert plan not in pending_ids(page)
        assert wrong == []
    rows = list(reviewed.values())
    median = {name: round(statistics.median(row[name] for row in rows), 1) for name in ("keys", "seconds")}
    found = {"plans": len(rows), "mouse_events": len(by_mouse), "median": median}
    (PICTURES / "keyboard.json").write_text(json.dumps({**found, "each": rows}, indent=2))
    with capsys.disabled():
        sys.stdout.write(f"\nreviewed by keyboard alone: {found}\n")
    assert len(reviewed) == PLANS_BY_KEYBOARD
    assert by_mouse == []
    assert median["keys"] <= MOST_KEYS


def review_by_keyboard(page: Any) -> tuple[str, dict[str, float]]:
    """From the list: open the next plan, move a session of next week by a day, save, submit, come back to the list.

    Returns the plan, how many keys that took, and how many seconds without anybody's thinking.
    """
    press, start = Keyboard(page), time.monotonic()
    if not page.evaluate("document.activeElement.matches('.mp-who a')"):
        press("j")
    plan = page.evaluate("document.activeElement.href").split("/")[-3]
    press("Enter")
    page.wait_for_url(f"**/{plan}/change/", wait_until="commit")
    page.wait_for_selector("#rv-cal [data-item][tabindex='0']")
    press("1", "]")
    while not page.evaluate("document.activeElement.matches('.rv-chip[draggable=true]')"):
        press("ArrowRight")
    press("m", "ArrowRight", "Enter")
    version = page.inner_text("#rv-version")
    press("Control+s")
    page.wait_for_selector(f"#rv-version:not(:text-is('{version}'))")
    press("Control+Enter", "Control+Enter")
    page.wait_for_selector(".rv-good, .rv-guarded:not([hidden])")
    if page.locator(".rv-good").count() == 0:
        page.wait_for_function("document.activeElement.matches('.rv-guarded select')")
        press("c", "Control+Enter")
    page.wait_for_selector(".rv-good")
    press("p")
    page.wait_for_url(f"**{PENDING}", wait_until="commit")
    page.wait_for_selector(".mp-at, .mp-empty")
    return plan, {"keys": press.count, "seconds": round(time.monotonic() - start, 2)}
