"""Tags under comments on the review page: read, put right by mouse and by keyboard, nothing of them for others."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import SIZES, Visit, open_review, pending_ids, taken
from tests.pages.test_pages import overflow

pytestmark = [pytest.mark.browser, pytest.mark.heavy]


def comment(page: Any, message: str) -> str:
    """Write a comment on the plan by the API, as the page does; returns its id."""
    token = page.locator("[name=csrfmiddlewaretoken]").first.input_value()
    plan = page.url.split("/plan/")[1].split("/")[0]
    url = page.url.split("/admin/")[0] + f"/api/v1/plans/{plan}/comments"
    headers = {"X-CSRFToken": token, "Referer": page.url}
    answer = page.request.post(url, data={"message": message, "visibility": "coach"}, headers=headers)
    assert answer.ok, answer.text()
    return str(answer.json()["id"])


def under(page: Any, message: str) -> Any:
    """Return the line of tags under a comment."""
    return page.locator("#rv-comments .rv-comment", has_text=message).locator(".rv-tags")


def test_a_coach_reads_and_corrects_tags(visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[0]
    open_review(page, plan)
    for message in ("My knee hurts and I have no time on Friday", "Thanks, see you tomorrow"):
        comment(page, message)
    open_review(page, plan)
    line, thanks = under(page, "My knee hurts"), under(page, "Thanks, see you")
    expect(line.locator(".rv-guess")).to_have_count(2)
    assert "guessed by the model" in line.locator(".rv-guess").first.get_attribute("title")
    assert thanks.locator(".rv-tag").count() == 0 and thanks.get_by_role("button").inner_text() == "Tag"

    line.get_by_role("button", name="Change tags").click()
    boxes = line.get_by_role("checkbox")
    expect(boxes).to_have_count(10)
    assert [box.is_checked() for box in boxes.all()].count(True) == 2
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        if width < 900:
            page.click(".rv-tabs [data-region=effect]")
        line.scroll_into_view_if_needed()
        taken(page, f"comment-tags-{width}")
        assert overflow(page) <= 0
    page.set_viewport_size({"width": 1280, "height": 800})
    line.get_by_role("checkbox", name="Other").check()
    assert [box.is_checked() for box in boxes.all()].count(True) == 1, "Other stands alone"
    line.get_by_role("checkbox", name="Schedule").check()
    expect(line.get_by_role("checkbox", name="Other")).not_to_be_checked()
    line.get_by_role("button", name="Save tags").click()
    line.locator(".rv-tag:not(.rv-guess)").wait_for()
    assert line.locator(".rv-tag").count() == 1 and "said by a coach" in line.locator(".rv-tag").get_attribute("title")
    assert page.evaluate("document.activeElement.textContent") == "Change tags"

    open_review(page, plan)
    assert "Schedule" in line.inner_text() and line.locator(".rv-guess").count() == 0
    taken(page, "comment-tags-said")
    assert wrong == []


def test_tags_by_keyboard_and_a_refusal_in_words(visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[1]
    open_review(page, plan)
    comment(page, "I have the flu")
    open_review(page, plan)
    line = under(page, "I have the flu")
    line.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.value") == "illness"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    line.get_by_role("button", name="Save tags").click()
    assert "Choose at least one" in line.get_by_role("alert").inner_text()
    page.keyboard.press("Escape")
    assert line.get_by_role("checkbox").count() == 0 and "Illness" in line.inner_text()
    assert wrong == []
