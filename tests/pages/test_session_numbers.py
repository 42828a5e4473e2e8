"""The numbers of a session in its dialog: typed key by key as people do, and what follows a number that changes."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, chip, open_review, pending_ids
from tests.pages.test_review_states import drop_dialog
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
WITH_DURATION = """async ([address, entry, minutes]) => {
  const { withDuration } = await import(address);
  return withDuration(entry, minutes, { zones: {}, kinds: { easy: 50 }, ground: "jog" });
}"""
FIELDS = ("Duration, min", "Distance, km", "Load", "Title")


def chips(page: Any, kind: str) -> list[str]:
    script = (
        "(kind) => [...document.querySelectorAll(`.rv-chip[draggable=true].mc-${kind}`)].map((c) => c.dataset.item)"
    )
    found: list[str] = page.evaluate(script, kind)
    return found


def a_run(page: Any, kind: str, text: str = "") -> str:
    """Go to a pending plan that holds a run of a kind, `text` in its chip; returns the run's id."""
    for plan in pending_ids(page):
        open_review(page, plan)
        for session in chips(page, kind):
            if text in chip(page, session).inner_text():
                return session
        page.go_back()
    raise AssertionError(f"no pending plan holds {kind} {text}")


def field(page: Any, label: str) -> Any:
    """Return the input of a label, whatever the label says of what was there before."""
    return page.locator(".rv-basics label", has_text=label).locator("input")


def numbers(page: Any) -> list[str]:
    """Return every number and text of the open dialog, its steps included."""
    steps = page.locator(".rv-steps tbody tr").all_inner_texts()
    doses = [dose.input_value() for dose in page.locator(".rv-dose input").all()]
    return [field(page, name).input_value() for name in FIELDS] + doses + steps


def typed(page: Any, label: str, text: str) -> list[str]:
    """Type over a field as a person does, one key after the other."""
    field(page, label).press("Control+a")
    page.keyboard.type(text)
    return numbers(page)


def test_what_is_typed_key_by_key_means_what_it_says_in_the_end(visit: Visit) -> None:
    page, wrong = visit()
    session = a_run(page, "interval")
    for label, text in (("Duration, min", "75"), ("Duration, min", "104"), ("Distance, km", "13.4"), ("Load", "95")):
        found = []
        for fills in (False, True):
            chip(page, session).click()
            before = numbers(page)
            if fills:
                field(page, label).fill(text)
            else:
                typed(page, label, text)
            found.append(numbers(page))
            drop_dialog(page)
        assert found[0] == found[1] != before, (label, text)
    assert wrong == []


def test_what_is_taken_back_while_typing_leaves_what_was_there(visit: Visit) -> None:
    page, wrong = visit()
    chip(page, a_run(page, "interval")).click()
    before = numbers(page)
    for label, key in (("Duration, min", "7"), ("Distance, km", "1"), ("Title", "I")):
        assert typed(page, label, key) != before
        page.keyboard.press("Backspace")
        assert field(page, label).input_value() == ""
        page.keyboard.press("Tab")
        assert numbers(page) == before, label
    drop_dialog(page)
    assert wrong == []


def test_an_easy_run_keeps_its_pace_and_its_title_says_how_far(visit: Visit) -> None:
    page, wrong = visit()
    session = a_run(page, "easy", "Easy")
    chip(page, session).click()
    minutes, km = (float(field(page, name).input_value()) for name in FIELDS[:2])
    typed(page, "Distance, km", "13.4")
    assert field(page, "Title").input_value() == "Easy 13 km"
    assert float(field(page, "Duration, min").input_value()) == round(minutes * 13.4 / km)
    typed(page, "Duration, min", f"{2 * minutes:g}")
    assert field(page, "Title").input_value() == f"Easy {round(2 * km)} km"
    assert abs(float(field(page, "Distance, km").input_value()) - 2 * km) <= 0.1
    drop_dialog(page)
    assert wrong == []


def test_another_day_is_told_with_what_it_does_to_race_day_until_it_is_taken_back(visit: Visit) -> None:
    page, wrong = visit()
    session = a_run(page, "easy", "Easy")
    day = date.fromisoformat(str(chip(page, session).get_attribute("data-day")))
    chip(page, session).click()
    field(page, "Day").fill((day + timedelta(days=1)).isoformat())
    expect(page.locator(".rv-preview")).to_have_text(re.compile(rf"Moved from .*{day.day} .* · race day \d"))
    field(page, "Day").fill(day.isoformat())
    expect(page.locator(".rv-preview")).to_be_empty()
    drop_dialog(page)
    assert wrong == []


def test_a_title_is_known_again_as_the_pipelines_wrote_it(server: Server, visit: Visit) -> None:
    page, _ = visit()
    for km, title in ((10.5, "Easy 10 km"), (11.5, "Easy 12 km"), (11.4, "Easy 11 km")):
        step = {"type": "steady", "duration_min": 60, "target": {"zone": "easy"}}
        work = {"steps": [step], "duration_min": 60, "distance_km": km}
        entry = {"kind": "easy", "title": f"Easy {round(km)} km", "prescribed_work": work, "load": 50}
        assert entry["title"] == title
        twice = page.evaluate(WITH_DURATION, [f"{server.url}/static/plans/review/steps.js", entry, 120])
        assert twice["title"] == f"Easy {round(2 * km)} km"
