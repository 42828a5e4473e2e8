"""The experiments' pages in a real browser: from the four test groups to the end, by mouse and by keyboard alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, nameless, picture, pictures
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
ADMIN = "admin@demo.mesocycle.example"
LIST = "/admin/experiments/experiment/"


def test_from_the_test_groups_to_the_end(visit: Visit, server: Server) -> None:
    page, wrong = visit(ADMIN)
    page.goto(server.url + LIST)
    expect(page.locator(".xp-list .ro-pill:has-text('Synthetic')")).to_have_count(2)
    page.click(".ro-bar a:has-text('Start from the four test groups')")
    assert page.input_value("[name=key]") == "plan_algorithm_variant"
    expect(page.locator("#xp-rows tr:visible")).to_have_count(4)
    rows_come_and_go(page)
    pictures(page, "experiments-form")
    assert nameless(page) == []
    page.fill("[name=planned]", "2")
    page.click(".ro-bar button:has-text('Save draft')")
    page.wait_for_function("document.activeElement.id === 'xp-mistakes'")
    assert page.locator(".xp-mistakes li").all_inner_texts()[-1].startswith("Why")
    pictures(page, "experiments-mistakes")
    page.click(".xp-mistakes a:has-text('Planned subjects')")
    page.fill("[name=planned]", "240")
    page.fill("[name=reason]", "The groups of the phased rollout")
    page.click(".ro-bar button:has-text('Save draft')")
    page.wait_for_url(re.compile("/preview/"))

    experiment = page.url.split("/")[-3]
    page.goto(f"{server.url}{LIST}{experiment}/edit/")
    assert page.is_disabled("[name=key]") or page.get_attribute("[name=key]", "readonly") is not None
    act(page, "Start", "Previewed with the team")
    pill(page, "Running")
    assert nameless(page) == []
    pictures(page, "experiments-started")
    next_phase(page)
    act(page, "Pause", "Ratings look odd")
    pill(page, "Paused")
    page.goto(server.url + LIST)
    pictures(page, "experiments-list")
    assert nameless(page) == []
    page.goto(f"{server.url}{LIST}{experiment}/edit/")
    act(page, "Complete", "Enough seen")
    page.wait_for_function("document.activeElement.innerText === 'Leave it as it is'")
    picture(page, "experiments-complete")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    pill(page, "Complete")
    expect(page.locator(".ro-act-d")).to_have_count(0)
    page.goto(server.url + LIST)
    assert "Complete · 1" in page.inner_text(".xp-list")
    assert wrong == []


def rows_come_and_go(page: Any) -> None:
    """A variant is added and removed, and the sum follows."""
    page.click("#xp-add")
    page.keyboard.type("fifth")
    page.click("#xp-same")
    assert page.input_value("[name=weight-4]") == "20"
    assert page.inner_text("#xp-total") == "Sum 100 %"
    page.locator("#xp-rows tr:visible").nth(4).locator("[data-remove]").click()
    assert page.inner_text("#xp-total") == "Sum 80 %, short of 100"
    page.click("#xp-same")
    assert [page.input_value(f"[name=weight-{i}]") for i in range(5)] == ["25", "25", "25", "25", ""]
    for _ in range(4):
        page.click("#xp-add")
    expect(page.locator("[name=variant-7]"), "more rows than there are without JavaScript").to_be_visible()
    for _ in range(4):
        page.locator("#xp-rows tr:visible").nth(4).locator("[data-remove]").click()
    expect(page.locator("#xp-rows tr:visible")).to_have_count(4)


def next_phase(page: Any) -> None:
    for i, weight in enumerate(("40", "20", "20", "20")):
        page.fill(f"[name=weight-{i}]", weight)
    page.fill("#xp-phase [name=reason]", "The control is noisy")
    page.click("button:has-text('Begin the next phase')")
    page.wait_for_selector("text=Phase 2")
    assert page.input_value("[name=weight-0]") == "40"


def act(page: Any, name: str, why: str) -> None:
    """Open an action's form, say why and send it, by keyboard alone; Escape closes it first."""
    summary = f".ro-bar summary:has-text('{name}')"
    page.focus(summary)
    page.keyboard.press("Enter")
    expect(page.locator(".ro-act-d[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".ro-act-d[open]")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(why)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def pill(page: Any, word: str) -> None:
    """Wait for the state in the heading."""
    page.wait_for_selector(f".ro-bar .ro-pill:has-text('{word}')")
