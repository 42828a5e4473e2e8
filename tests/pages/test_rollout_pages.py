"""The operators' pages in a real browser: they render at two sizes, and a rollback is done by keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, picture, pictures
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
ADMIN = "admin@demo.mesocycle.example"
OTHER = "admin2@demo.mesocycle.example"
LIST = "/admin/rollout/rollout/"
INBOX = "/admin/rollout/approval/"


def open_run(page: Any, server: Server) -> None:
    page.goto(server.url + LIST)
    page.click("th a:has-text('plan.taper_by_model')")
    page.wait_for_selector("#ro-live .ro-ladder")


def test_every_page_shows_its_state_at_both_sizes(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    for name, path in (("list", LIST), ("incidents", "/admin/rollout/incident/"), ("start", f"{LIST}add/")):
        page.goto(server.url + path)
        pictures(page, f"rollout-{name}")
    page.goto(f"{server.url}/admin/rollout/approval/")
    assert "Nothing waits for you" in page.inner_text(".ro-empty")
    page.goto(f"{server.url}/admin/rollout/incident/")
    page.click(".ro-rows th a")
    assert page.inner_text(".ro-note b").startswith("Contained")
    pictures(page, "rollout-incident")
    open_run(page, server)
    assert "Synthetic" in page.inner_text(".ro-bar")
    expect(page.locator(".ro-ladder [aria-current=step]")).to_have_count(1)
    expect(page.locator(".ro-plot[role=img]")).to_have_count(8)
    assert page.is_disabled("[aria-describedby=ro-blocked]")
    pictures(page, "rollout-run")
    assert wrong == []


def test_the_upper_part_asks_again_and_keeps_the_page(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    open_run(page, server)
    with page.expect_response("**/live/", timeout=60_000) as again:
        page.evaluate("htmx.trigger('#ro-live', 'every 10s')")
    assert again.value.status == 200
    expect(page.locator("#ro-pills .ro-pill")).to_have_count(2)
    expect(page.locator(".ro-ladder")).to_have_count(1)
    assert wrong == []


def test_a_check_is_recorded_by_keyboard_and_its_form_outlives_a_refresh(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    open_run(page, server)
    page.focus(".ro-check summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("50 at a time for ten minutes")
    with page.expect_response("**/live/", timeout=60_000):
        page.evaluate("htmx.trigger('#ro-live', 'every 10s')")
    page.wait_for_timeout(200)
    page.keyboard.type(", no error.")
    assert page.input_value(".ro-check textarea") == "50 at a time for ten minutes, no error."
    picture(page, "rollout-check")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ro-check:has-text('passed, by')")
    assert wrong == []


def test_a_hold_and_a_rollback_by_keyboard(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    open_run(page, server)
    page.focus("summary:has-text('Hold')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Look at three odd tapers first")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ro-pills:has-text('On hold')")

    page.focus("[data-open]")
    page.keyboard.press("Enter")
    assert focused(page) == "ro-rb-h"
    page.keyboard.press("Shift+Tab")
    assert inside(page), "focus stays in the dialog at its beginning"
    page.keyboard.press("Tab")
    assert inside(page), "and at its end"
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)

    page.focus("[data-open]")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.is_visible("text=What did you see?")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Taper weeks of three athletes have a second long ride.")
    assert "54 characters" in page.inner_text("#ro-rb-n")
    for _ in range(4):
        page.keyboard.press("Tab")
    assert "Roll back now" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ro-pills:has-text('Roll')")
    expect(page.locator("[data-open]")).to_have_count(0)
    assert "Athlete safety: Taper weeks" in page.inner_text(".ro-events")
    page.goto(f"{server.url}/admin/rollout/incident/")
    assert "Not acknowledged" in page.inner_text(".ro-rows tbody tr >> nth=0")
    assert wrong == []


def test_a_widening_is_asked_for_and_approved_by_keyboard_alone(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    page.goto(f"{server.url}/admin/rollout/flag/")
    page.click("#result_list a:has-text('plan.model_driven_generation')")
    page.select_option("[name=requires_tier]", "")
    page.fill(".ro-settings [name=reason]", "The fit holds for every tier")
    page.click(".ro-settings button")
    assert "a second person must agree" in page.inner_text("#main")
    assert "1 wish waits" in page.inner_text(".ro-note")
    pictures(page, "rollout-flag")
    page.goto(f"{server.url}{INBOX}")
    assert "You asked for this yourself" in page.inner_text(".ro-wish")
    expect(page.locator("button:has-text('Approve')")).to_have_count(0)

    other, also_wrong = visit(OTHER)
    other.goto(f"{server.url}{INBOX}")
    pictures(other, "rollout-inbox")
    assert "elite" in other.inner_text(".ro-wish .ro-dl")
    assert "every tier" in other.inner_text(".ro-wish .ro-dl")
    other.focus(".ro-wish h2 a")
    other.keyboard.press("Tab")
    other.keyboard.type("Seen the fits; agreed.")
    other.keyboard.press("Tab")
    assert focused_text(other) == "Approve"
    other.keyboard.press("Enter")
    other.wait_for_selector("text=Approved, and done.")
    assert "Nothing waits for you" in other.inner_text(".ro-empty")
    page.goto(f"{server.url}/admin/rollout/flag/")
    page.click("#result_list a:has-text('plan.model_driven_generation')")
    assert page.input_value("[name=requires_tier]") == ""
    assert wrong == also_wrong == []


def focused_text(page: Any) -> str:
    return str(page.evaluate("document.activeElement.innerText")).strip()


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


def inside(page: Any) -> bool:
    return bool(page.evaluate("document.getElementById('ro-rollback').contains(document.activeElement)"))
