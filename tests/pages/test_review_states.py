"""The review page in a real browser: flow C, past days, merges, guards, records, on a phone, by keyboard."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.review_merges import MERGE_ALL, expected_merge, random_cases
from tests.pages.reviewing import (
    PENDING,
    Keyboard,
    Visit,
    chip,
    edited,
    movable,
    of_plan,
    open_review,
    patch_elsewhere,
    pending_ids,
    picture,
    pictures,
    save_elsewhere,
    sessions_of,
    taken,
    token_of,
)
from tests.pages.test_pages import overflow
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
ADMIN = "admin@demo.mesocycle.example"
PHONE = {"width": 390, "height": 844}
LEAST_TARGET = 24
SMALLER_THAN = """(least) => [...document.querySelectorAll(
    '#rv-bar button, .rv-header :is(a, button), .rv-tabs button, .rv-chip, .rv-rest:not([aria-disabled])')]
  .filter((e) => e.offsetParent && (e.offsetHeight < least || e.offsetWidth < least))
  .map((e) => e.outerHTML.slice(0, 80))"""


def drop_dialog(page: Any) -> None:
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")


# Flow C: an administrator audits


def test_an_administrator_audits_what_was_changed_and_takes_it_away(server: Server, browser: Any, visit: Visit) -> None:
    coach, _ = visit()
    plan = pending_ids(coach)[0]
    session = next(key for key, row in sessions_of(coach, plan).items() if row["day"] > date.today().isoformat())
    save_elsewhere(server, browser, plan, {session: "Hill repeats"}, reason="weather", note="Ice on the track")
    athlete = of_plan(coach, plan)["athlete_id"]

    page, wrong = visit(ADMIN)
    page.goto(f"{server.url}/admin/accounts/athlete/{athlete}/change/")
    page.click("text=Plan history")
    newest = page.locator(".ph-line li").first
    assert "v2" in newest.inner_text()
    assert "Clara Coach" in newest.inner_text()
    assert "Weather" in newest.inner_text()
    expect(page.locator(".ph-line li")).to_have_count(2)
    page.click(".ph-audit details summary >> nth=0")
    change = page.locator(".ph-audit details table tbody tr").first.inner_text()
    assert "Hill repeats" in change
    assert "Ice on the track" in change
    pictures(page, "flow-c-history")

    newest.get_by_text("against v1").click()
    page.wait_for_selector(".cp-table")
    assert "Hill repeats" in page.locator(".cp-changed .cp-to").inner_text()
    assert "Weather" in page.locator(".cp-why").inner_text()
    events = page.locator("#audit .ph-audit > tbody > tr")
    expect(events, "the edit and the state that it led to, nothing of version 1").to_have_count(2)
    pictures(page, "flow-c-compare")

    with page.expect_download() as download:
        page.click("text=Export CSV")
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(io.StringIO(file.read(), newline="")))
    assert "Ice on the track" in json.dumps(rows)
    assert wrong == []


# Past days


@pytest.fixture(scope="module")
def past(server: Server, demo: dict[str, Any]) -> dict[str, str]:
    script = "from tests.pages.past_review import main; main()"
    lines = server.manage("shell", "-v", "0", "-c", script).stdout.strip().splitlines()
    return dict(json.loads(lines[-1]))


def test_past_days_show_what_became_of_each_session(visit: Visit, past: dict[str, str]) -> None:
    page, wrong = visit()
    open_review(page, past["plan"])
    planned = sessions_of(page, past["plan"])
    page.evaluate("document.querySelector('#rv-cal').scrollTop = 0")
    labels = {name: chip(page, past[name]).get_attribute("aria-label") for name in past if name in OUTCOMES}
    for name, (outcome, sign) in OUTCOMES.items():
        assert outcome in labels[name], labels[name]
        assert sign in chip(page, past[name]).inner_text()
    minutes = round(planned[past["done"]]["prescribed_work"]["duration_min"]) + 7
    assert f"{minutes // 60}:{minutes % 60:02}" in chip(page, past["done"]).inner_text()
    assert "RPE 8" in labels["partly"]
    origin = page.locator(f".rv-day[data-day='{past['moved_from']}']")
    assert "moved to" in origin.inner_text()
    assert planned[past["moved"]]["day"] != past["moved_from"]
    monday = date.fromisoformat(planned[past["done"]]["day"])
    monday -= timedelta(days=monday.weekday())
    total = page.locator(f".rv-week[data-monday='{monday}'] .rv-total").inner_text()
    assert "did " in total
    ahead = page.locator(f".rv-week[data-monday='{monday + timedelta(weeks=6)}'] .rv-total").inner_text()
    assert "did" not in ahead

    chip(page, past["partly"]).click()
    assert "Done in part" in page.inner_text(".rv-note")
    expect(page.locator("dialog[open] .rv-dfoot >> text=Save session")).to_have_count(0)
    drop_dialog(page)
    assert "Published" in page.inner_text("#rv-banner")
    pictures(page, "past-days")
    assert wrong == []


OUTCOMES = {
    "done": ("done", "check"),
    "partly": ("done in part", "contrast"),
    "missed": ("missed", "missed"),
    "unknown": ("nothing recorded", "no data"),
}


# Somebody else saved meanwhile


def test_a_merge_joins_parts_and_lets_each_conflict_be_chosen(server: Server, browser: Any, visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[-1]
    open_review(page, plan)
    apart, both, mine_only = movable(page, 3)
    before = sessions_of(page, plan)
    move_on(page, apart)
    move_on(page, both)
    note(page, both, "Mine for the athlete")
    move_on(page, mine_only)
    theirs_day = (date.fromisoformat(before[both]["day"]) - timedelta(days=1)).isoformat()
    patch = [
        {"op": "replace", "path": f"/sessions/{apart}/title", "value": "Their title"},
        {"op": "replace", "path": f"/sessions/{both}/day", "value": theirs_day},
        {"op": "add", "path": f"/sessions/{both}/prescribed_work/notes", "value": "Theirs for the athlete"},
    ]
    number = patch_elsewhere(server, browser, plan, patch)

    page.keyboard.press("Control+s")
    panel = page.locator("dialog[open]")
    panel.get_by_text("1 session changed on both sides").wait_for()
    assert [text.split("was")[0].strip() for text in panel.locator("legend").all_inner_texts()] == ["Day", "Notes"]
    sides = panel.locator(".rv-choice").all_inner_texts()
    assert ["Mine for" in side for side in sides] == [False, False, True, False]
    assert ["Theirs for" in side for side in sides] == [False, False, False, True]
    panel.get_by_text("with what only").click()
    assert "Their title" in panel.inner_text()
    panel.get_by_text("that only you changed").click()
    pictures(page, "merge")
    panel.locator("fieldset").nth(0).locator("input").nth(1).check()
    panel.get_by_text("Merge and save on top").click()
    page.wait_for_selector(f"#rv-version:text('v{number + 1}')")

    after = sessions_of(page, plan)
    assert (after[apart]["title"], after[apart]["day"]) == ("Their title", next_day(before[apart]["day"]))
    assert after[both]["day"] == theirs_day, "their day was chosen"
    assert after[both]["prescribed_work"]["notes"] == "Mine for the athlete", "and my note"
    assert after[mine_only]["day"] == next_day(before[mine_only]["day"])
    assert wrong == []


def next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def move_on(page: Any, session: str) -> None:
    """Move a session to the next day by keyboard."""
    chip(page, session).focus()
    for key in ("m", "ArrowRight"):
        page.keyboard.press(key)
    edited(page, lambda: page.keyboard.press("Enter"))


def note(page: Any, session: str, text: str) -> None:
    chip(page, session).click()
    page.get_by_label("Notes for the athlete").fill(text)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("dialog[open]", state="detached")


def test_random_merges_lose_no_edit_and_agree_with_the_rule(server: Server, visit: Visit) -> None:
    """Each part of each session: what one side changed is there, what both changed is listed and mine."""
    page, _ = visit()
    merged = page.evaluate(MERGE_ALL, [f"{server.url}/static/plans/review/diff.js", random_cases(300)])
    conflicts = 0
    for case in merged:
        expected, disputed = expected_merge(*case["sides"])
        assert case["merged"] == expected
        assert sorted(case["disputed"]) == sorted(disputed)
        conflicts += len(disputed)
    assert conflicts > 200, "the cases must meet conflicts"


# Guards against the machine's version


def test_what_must_be_reasoned_is_said_before_the_submission(visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[1]
    open_review(page, plan)
    (session,) = movable(page, 1)
    what_if = edited(page, lambda: lengthen(page, session))
    guards = what_if["submission"]["guards"]
    assert guards
    assert "submitting will ask for a reason" in page.inner_text("#rv-guards")
    page.keyboard.press("Control+s")
    page.wait_for_selector("#rv-version:text('v2')")
    page.wait_for_selector("#rv-guards .rv-since")
    expect(page.locator("#rv-guards .rv-since")).to_have_count(len(guards))
    assert "submitting will ask for a reason" in page.inner_text("#rv-guards")

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/submit") else None)
    page.keyboard.press("Control+Enter")
    block = page.locator(".rv-guarded")
    expect(block).to_be_visible()
    expect(block.locator("li")).to_have_count(len(guards))
    page.keyboard.press("Control+Enter")
    assert "Choose a reason" in block.locator("[role=alert]").inner_text()
    assert asked == [], "nothing is sent before there is a reason"
    pictures(page, "guarded")
    block.locator("select").select_option("coach_judgement")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".rv-good")
    assert len(asked) == 1
    assert "the athlete decides" in page.inner_text("#rv-banner")
    assert wrong == []


def lengthen(page: Any, session: str) -> None:
    chip(page, session).click()
    minutes = page.get_by_label("Duration, min")
    minutes.fill(str(round(4 * float(minutes.input_value()))))
    page.keyboard.press("Control+Enter")


def test_reasons_on_every_edit_are_said_to_be_enough(visit: Visit) -> None:
    page, _ = visit()
    open_review(page, pending_ids(page)[2])
    (session,) = movable(page, 1)
    chip(page, session).click()
    minutes = page.get_by_label("Duration, min")
    minutes.fill(str(round(4 * float(minutes.input_value()))))
    page.get_by_label("Reason for the change").select_option("coach_judgement")
    edited(page, lambda: page.keyboard.press("Control+Enter"))
    assert "every edit has its reason" in page.inner_text("#rv-guards")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".rv-guarded")).to_be_hidden()
    drop_dialog(page)
    page.click("#rv-revert")


# Records


def test_a_withdrawn_plan_is_read_but_not_edited(server: Server, browser: Any, visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[2]
    context = browser.new_context()
    headers = token_of(server, context)
    address = f"{server.url}/api/v1/plans/{plan}"
    headers["If-Match"] = context.request.get(address, headers=headers).headers["etag"]
    assert context.request.post(f"{address}/withdraw", headers=headers, data={}).ok
    context.close()
    open_review(page, plan)
    assert "Withdrawn" in page.inner_text("#rv-banner")
    expect(page.locator("[draggable=true], .rv-plus, #rv-save, #rv-submit, #rv-undo, #rv-regenerate")).to_have_count(0)
    page.keyboard.press("1")
    for key in ("n", "m", "d", "Delete", "u", "Control+s", "Control+Enter"):
        page.keyboard.press(key)
        expect(page.locator("dialog[open]"), key).to_have_count(0)
    page.locator(".rv-chip").last.click()
    assert page.locator("dialog[open] :is(input, select):enabled").count() <= 1, "only who may read a comment"
    expect(page.locator("dialog[open] >> text=Save session")).to_have_count(0)
    drop_dialog(page)
    picture(page, "withdrawn-1280")
    assert of_plan(page, plan)["head_version"]["version_number"] == 1
    assert wrong == []


# On a phone


def test_on_a_phone_everything_is_reachable_and_nothing_sticks_out(server: Server, visit: Visit) -> None:
    page, wrong = visit()
    plan = pending_ids(page)[0]
    page.set_viewport_size(PHONE)
    open_review(page, plan)
    bar = page.locator("#rv-bar button:visible").all_inner_texts()
    assert [text.strip() for text in bar] == ["↶", "Revert", "Save draft", "Submit"]
    for name in ("effect", "context", "calendar"):
        page.click(f"[role=tab][data-region={name}]")
        expect(page.locator(f".rv-{'main' if name == 'calendar' else name}")).to_be_visible()
        assert overflow(page) == 0
        picture_here(page, f"phone-{name}")
    small = page.evaluate(SMALLER_THAN, LEAST_TARGET)
    assert small == []
    session = movable(page, 1)[0]
    chip(page, session).click()
    assert overflow(page) == 0
    picture_here(page, "phone-dialog")
    page.get_by_label("Title").fill("On the phone")
    edited(page, lambda: page.click("dialog[open] >> text=Save session"))
    page.click("#rv-back")
    picture_here(page, "phone-revert")
    edited(page, lambda: page.click("dialog[open] >> text=The unsaved edits"))
    assert "On the phone" not in chip(page, session).get_attribute("aria-label")
    page.click("#rv-compare")
    page.wait_for_url("**/compare/**")
    assert overflow(page) == 0
    page.click("text=Back to review")
    page.click("#rv-history")
    page.wait_for_url("**/plan-history/**")
    assert overflow(page) == 0
    assert wrong == []


def picture_here(page: Any, name: str) -> None:
    """Take a picture at the phone's size without touching the window."""
    taken(page, f"{name}-390")


# By keyboard


def test_every_key_of_the_list_does_what_it_says(visit: Visit) -> None:
    page, wrong = visit()
    open_review(page, pending_ids(page)[0])
    press = Keyboard(page)
    press("?")
    keys = " ".join(page.locator("dialog[open] dt").all_inner_texts())
    for name in ("← → ↑ ↓", "Enter", "N", "Del", "M", "U", "[ ]", "Ctrl S", "Ctrl Enter", "1 2 3", "Escape"):
        assert name in keys
    press("Escape")

    press("1", "]", "]", "Home")
    start = here(page)
    assert date.fromisoformat(start).weekday() == 0
    for key, days in (("ArrowRight", 1), ("ArrowDown", 8), ("ArrowLeft", 7), ("[", 0), ("End", 6), ("Home", 0)):
        press(key)
        assert here(page) == (date.fromisoformat(start) + timedelta(days=days)).isoformat(), key
        assert stops(page) == 1, key

    while not page.evaluate("document.activeElement.matches('.rv-chip[draggable=true]')"):
        press("ArrowRight")
    session, day = page.evaluate("[document.activeElement.dataset.item, document.activeElement.dataset.day]")
    press("m", "ArrowRight", "Escape")
    assert chip(page, session).get_attribute("data-day") == day, "Escape leaves it"
    assert here(page) == day
    edited(page, lambda: press("m", "ArrowRight", "Enter"))
    assert chip(page, session).get_attribute("data-day") == next_day(day)
    edited(page, lambda: press("u"))
    assert chip(page, session).get_attribute("data-day") == day

    chip(page, session).focus()
    edited(page, lambda: press("Delete"))
    assert "removed, unsaved" in chip(page, session).get_attribute("aria-label")
    edited(page, lambda: press("u"))
    chip(page, session).focus()
    count = page.locator(".rv-chip").count()
    edited(page, lambda: press("d"))
    expect(page.locator(".rv-chip")).to_have_count(count + 1)
    edited(page, lambda: press("u"))
    chip(page, session).focus()
    press("n")
    page.wait_for_selector("dialog[open]")
    press("Escape")
    assert page.inner_text("#rv-count") == "Nothing unsaved", "Escape adds nothing"
    chip(page, session).focus()
    press("Enter")
    page.wait_for_selector("dialog[open]")
    press("Escape")
    assert page.evaluate("document.activeElement.dataset.item") == session, "back where it was opened"

    for key, region in (("2", "rv-effect"), ("3", "rv-context"), ("1", "rv-cal")):
        press(key)
        assert page.evaluate(f"document.activeElement.closest('#{region}') !== null"), key
    press("Control+Enter")
    assert page.inner_text("dialog[open] h2") == "Submit for approval"
    press("Escape")
    press("p")
    page.wait_for_url(f"**{PENDING}")
    assert wrong == []


def here(page: Any) -> str:
    return str(page.evaluate("document.activeElement.dataset.day"))


def stops(page: Any) -> int:
    return int(page.evaluate("[...document.querySelectorAll('#rv-cal *')].filter((e) => e.tabIndex >= 0).length"))


def test_letters_typed_into_a_field_edit_nothing(visit: Visit) -> None:
    page, wrong = visit()
    open_review(page, pending_ids(page)[0])
    area = page.get_by_label("Comment on the plan")
    area.focus()
    page.keyboard.type("n m d u p 1 2 3 ? [ ]")
    page.keyboard.press("Delete")
    assert area.input_value() == "n m d u p 1 2 3 ? [ ]"
    assert page.inner_text("#rv-count") == "Nothing unsaved"
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert wrong == []
