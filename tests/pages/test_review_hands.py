"""The review page under a coach's hands: dragged by the mouse, moved by key and click, undone by the usual keys."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, chip, edited, movable, open_review, pending_ids

pytestmark = [pytest.mark.server, pytest.mark.browser]
COUNT = "#rv-count"
CHIPS = ".rv-chip:not([data-gone])"
DRAG_FROM_ELSEWHERE = """(day) => {
  const cell = document.querySelector(`.rv-day[data-day="${day}"]`);
  for (const name of ["dragover", "drop"]) {
    cell.dispatchEvent(new DragEvent(name, { bubbles: true, cancelable: true, dataTransfer: new DataTransfer() }));
  }
}"""


@pytest.fixture
def reviewing(visit: Visit) -> Any:
    """The review page of a pending plan; what went wrong on it is looked at in the end, and no edit is left."""
    page, wrong = visit()
    open_review(page, pending_ids(page)[3])
    yield page
    assert wrong == []


def day_of(page: Any, session: str) -> date:
    return date.fromisoformat(str(chip(page, session).get_attribute("data-day")))


def test_a_session_is_dragged_and_what_comes_from_elsewhere_moves_nothing(reviewing: Any) -> None:
    page = reviewing
    (session,) = movable(page, 1, "easy")
    day = day_of(page, session) + timedelta(days=1)
    target = page.locator(f".rv-day[data-day='{day}'] [data-item]").first
    edited(page, lambda: chip(page, session).drag_to(target))
    assert day_of(page, session) == day
    page.evaluate(DRAG_FROM_ELSEWHERE, (day + timedelta(days=7)).isoformat())
    assert day_of(page, session) == day
    edited(page, lambda: page.keyboard.press("Control+z"))
    assert day_of(page, session) == day - timedelta(days=1)
    expect(page.locator(COUNT)).to_have_text("Nothing unsaved")


def test_a_session_that_is_being_moved_goes_where_one_clicks(reviewing: Any) -> None:
    page = reviewing
    (session,) = movable(page, 1, "easy")
    day = day_of(page, session) + timedelta(days=1)
    chip(page, session).focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    edited(page, lambda: page.locator(f".rv-day[data-day='{day}'] [data-item]").first.click())
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert day_of(page, session) == day
    edited(page, lambda: page.keyboard.press("u"))
    expect(page.locator(COUNT)).to_have_text("Nothing unsaved")


def test_other_keys_wait_until_a_move_has_ended(reviewing: Any) -> None:
    page = reviewing
    chips = page.locator(CHIPS).count()
    page.locator(".rv-rest:not([aria-disabled])").first.focus()
    page.keyboard.press("n")
    page.wait_for_selector("dialog[open]")
    edited(page, lambda: page.keyboard.press("Control+Enter"))
    page.wait_for_selector("dialog[open]", state="detached")
    for key in ("m", "u", "Control+z", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(CHIPS)).to_have_count(chips + 1)
    page.keyboard.press("u")
    page.keyboard.press("u")
    expect(page.locator(CHIPS)).to_have_count(chips)
    expect(page.locator(COUNT)).to_have_text("Nothing unsaved")


def test_a_duplicate_is_one_of_what_was_typed(reviewing: Any) -> None:
    page = reviewing
    (session,) = movable(page, 1, "easy")
    titles = page.locator(f"{CHIPS} .t", has_text="With the club")
    chip(page, session).click()
    page.get_by_label("Title").press("Control+a")
    page.keyboard.type("With the club")
    edited(page, lambda: page.click("dialog[open] button:has-text('Duplicate')"))
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(titles).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(titles).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(titles).to_have_count(0)
