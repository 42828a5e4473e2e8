"""The working pages in a real browser, on a real server: they render, fit, stay on their origin, and do their job."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
COACH = "coach@demo.mesocycle.example"


def open_page(server: Server, browser: Any, width: int, height: int) -> tuple[Any, list[str]]:
    """Log the coach in; returns the page and what went wrong on it so far."""
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith((server.url, "data:", "blob:")) else None)
    page.goto(f"{server.url}/admin/login/")
    expect(page.locator("input[name=username]")).to_be_focused()
    for keys in (COACH, "mesocycle-demo"):
        page.keyboard.type(keys)
        page.keyboard.press("Tab")
    page.click("button[type=submit]")
    page.wait_for_url("**/admin/plans/plan/pending/")
    page.goto(f"{server.url}/admin/accounts/athlete/")
    return page, wrong


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_coach_walks_from_their_athletes_to_a_new_plan(
    server: Server, browser: Any, demo: dict[str, Any], width: int, height: int
) -> None:
    page, wrong = open_page(server, browser, width, height)
    page.click("text=Runner 01")
    page.wait_for_selector("#mc-perf")
    assert "synthetic" in page.inner_text(".mc-bar")
    assert "not identified" in page.inner_text(".mc-side")
    assert overflow(page) == 0

    page.click("text=Generate plan")
    page.fill("input[name=race_date]", (date.today() - timedelta(days=1)).isoformat())
    page.click("button:has-text('Generate')")
    assert "past" in page.inner_text(".mc-error")
    page.fill("input[name=race_date]", (date.today() + timedelta(weeks=12)).isoformat())
    page.select_option("select[name=race_distance]", "half_marathon")
    page.click("button:has-text('Generate')")
    page.wait_for_url("**/admin/plans/plan/**", timeout=60_000)
    assert "Half marathon" in page.inner_text("h1.mc-title")
    assert overflow(page) == 0
    page.click(".mc-chip >> nth=1")
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert wrong == []


def test_an_athlete_without_history_is_told_what_to_do_next(server: Server, browser: Any, demo: dict[str, Any]) -> None:
    server.manage("add_athlete", "--as", COACH, "--sport", "running", "--level", "beginner", "--name", "Empty")
    page, wrong = open_page(server, browser, 1280, 800)
    page.click("text=Empty")
    assert "No history yet" in page.inner_text(".mc-main")
    page.click("text=Import a history")
    table = b"date,load\n2026-01-01,NaN\n2026-01-02,40\n"
    page.set_input_files("input[name=history]", {"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    page.click("button:has-text('Import')")
    row = page.inner_text("table.mc-table tbody tr")
    assert "a.csv" in row
    assert "2" in row
    assert wrong == []


def overflow(page: Any) -> int:
    """Return by how many pixels the page is wider than the window, once it is there: a click may have left the last."""
    there = "document.readyState === 'complete' && {wider: document.documentElement.scrollWidth - innerWidth}"
    return int(page.wait_for_function(there).json_value()["wider"])


def too_wide(page: Any) -> list[str]:
    """Return the tables that stick out of a box that holds them and does not scroll."""
    script = """() => [...document.querySelectorAll("table")].filter((table) => {
      const boxes = [];
      for (let box = table.parentElement; box && !box.matches("main, body, #content"); box = box.parentElement) {
        if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return false;
        boxes.push(box);
      }
      const { right } = table.getBoundingClientRect();
      return boxes.some((box) => right > box.getBoundingClientRect().right + 2);
    }).map((table) => `${table.className} sticks out of its box`)"""
    found: list[str] = page.evaluate(script)
    return found
