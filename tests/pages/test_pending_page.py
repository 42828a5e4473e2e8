"""The pending list and the inbox in a real browser: by keyboard, at two sizes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import PENDING, Visit, nameless, of_plan, pending_ids, picture
from tests.pages.test_pages import overflow, too_wide

pytestmark = [pytest.mark.server, pytest.mark.browser]
ATHLETE = "athlete@demo.mesocycle.example"
INBOX = "/admin/accounts/notification/"
PASSWORD = "mesocycle-demo"
PHONE = (390, 844)
CUT = "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length"


def standing_on(page: Any) -> str:
    """Return the plan of the row that the keyboard stands on."""
    return page.get_attribute(".mp-at .mp-who a", "href").split("/")[-3]


def test_the_list_is_walked_by_keys(visit: Visit) -> None:
    page, wrong = visit()
    plans = pending_ids(page)
    assert len(plans) > 3
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert standing_on(page) == plans[1]

    page.keyboard.press("?")
    expect(page.locator("dialog[open] dt")).to_have_count(7)
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert standing_on(page) == plans[1], "keys of the list sleep while the dialog is open"

    page.keyboard.press("c")
    page.wait_for_url(f"**/{plans[1]}/compare/")
    page.go_back()
    page.wait_for_selector(".mp-at")
    assert standing_on(page) == plans[1], "who comes back stands where they left"

    page.keyboard.press("/")
    page.keyboard.type("rider 03")
    page.keyboard.press("Enter")
    expect(page.locator(".mp-table tbody tr:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    assert "Rider 03" in page.inner_text(".rv-header")
    assert wrong == []


def test_the_list_shows_everything_at_both_sizes(visit: Visit) -> None:
    page, wrong = visit()
    rows = page.locator(".mp-table tbody tr").count()
    expect(page.locator(".mp-plot svg[role=img]")).to_have_count(rows)
    expect(page.locator(".mp-bars[role=img]")).to_have_count(rows)
    expect(page.locator(".mp-bars i")).to_have_count(4 * rows)
    assert [button for button in nameless(page) if "button" in button] == []
    picture(page, "pending")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert page.is_hidden(".mp-table thead")
    cut = page.eval_on_selector_all(
        ".mp-table td", "cells => cells.filter((c) => c.scrollWidth > c.clientWidth + 1).length"
    )
    assert cut == 0
    picture(page, "pending-phone", PHONE)
    assert wrong == []


@pytest.mark.parametrize("width", [640, 768, 1024, 1099, 1100, 1280])
def test_the_list_fits_every_width(visit: Visit, width: int) -> None:
    page, wrong = visit()
    page.set_viewport_size({"width": width, "height": 1024})
    assert too_wide(page) == []
    assert overflow(page) == 0
    tallest = page.eval_on_selector_all(".mp-table tbody tr", "rows => Math.max(...rows.map((r) => r.clientHeight))")
    assert 0 < tallest < 200
    assert wrong == []


def test_an_answer_of_the_athlete_reaches_the_coach_and_is_read_by_following_it(visit: Visit) -> None:
    page, wrong = visit()
    page.goto(page.url.replace(PENDING, INBOX))
    assert "Nothing yet" in page.inner_text(".ac-empty")
    picture(page, "inbox-empty")
    page.goto(page.url.replace(INBOX, PENDING))
    (link,) = page.locator(".mp-who a:text-is('Runner 01')").all()
    plan = link.get_attribute("href").split("/")[-3]
    base = page.url.replace(PENDING, "")
    account = {"email": ATHLETE, "password": PASSWORD}
    token = page.request.post(f"{base}/api/v1/auth/token", data=account).json()["access"]
    athlete = {"Authorization": f"Bearer {token}"}
    headers = {"X-CSRFToken": _csrf(page), "Referer": base}
    submission = {"expected_etag": of_plan(page, plan)["etag"]}
    assert page.request.post(f"{base}/api/v1/plans/{plan}/submit", data=submission, headers=headers).ok
    for message in ("First", "Second"):
        said = page.request.post(f"{base}/api/v1/plans/{plan}/comments", data={"message": message}, headers=athlete)
        assert said.status == 201, said.text()

    page.goto(base + INBOX)
    expect(page.locator(".ac-new")).to_have_count(2)
    assert overflow(page) == 0
    picture(page, "inbox")
    picture(page, "inbox-phone", PHONE)
    with page.expect_response("**/notifications/read") as read:
        page.click(".ac-new a >> nth=0")
    assert read.value.status == 200
    page.wait_for_url(f"**/{plan}/change/")
    page.goto(base + INBOX)
    expect(page.locator(".ac-new")).to_have_count(1)
    page.click("button:has-text('Mark all as read')")
    page.wait_for_selector("nav:has-text('Unread 0')")
    expect(page.locator(".ac-new")).to_have_count(0)
    assert wrong == []


def _csrf(page: Any) -> str:
    return next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
