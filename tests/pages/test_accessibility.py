"""What axe-core finds serious or critical on the pages of each role, their dialogs open; and what it cannot see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pages.accessible import findings
from tests.pages.reviewing import Visit, movable, open_review, pending_ids
from tests.pages.test_pages import COACH
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
ADMIN, SCIENTIST, SUPPORT = (f"{role}@demo.mesocycle.example" for role in ("admin", "scientist", "support"))
Step = Callable[[Any], None]


def clicked(selector: str, shows: str = "") -> Step:
    def click(page: Any) -> None:
        page.click(f"{selector} >> nth=0")
        page.wait_for_load_state()
        if shows:
            page.wait_for_selector(shows)

    return click


def edited_by_keyboard(page: Any) -> None:
    """Open a plan and move a session: the page marks it, and says what that does to race day."""
    open_review(page, pending_ids(page)[0])
    page.locator(f".rv-chip[data-item='{movable(page, 1)[0]}']").focus()
    for key in ("m", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function("document.querySelector('#rv-live').textContent.startsWith('Race day')")


def dialog(key: str) -> Step:
    """Close the dialog that is open, press a key on the calendar, and wait for the dialog that it opens."""

    def press(page: Any) -> None:
        page.keyboard.press("Escape")
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]")

    return press


# Where each role works: an address, or what leads there from the page before.
COACHS: dict[str, str | Step] = {
    "plan with an edit": edited_by_keyboard,
    "session": dialog("Enter"),
    "submission": dialog("Control+Enter"),
    "keys": dialog("?"),
    "compare": clicked("dialog[open] button:has-text('Close')"),
    "athletes": "/admin/accounts/athlete/",
    "athlete": clicked("a:has-text('Runner 01')", "#mc-pmc"),
    "new plan": clicked("a:has-text('Generate plan')"),
    "activities": "/admin/modeling/activity/",
    "share a plan": "/admin/plans/plangrant/add/",
    "model and you": "/admin/coach-report/",
    "metrics": "/admin/metrics/",
    "report": "/admin/rollout/report/add/",
}
SCIENTISTS: dict[str, str | Step] = {
    "experiments": "/admin/experiments/experiment/",
    "results": clicked("a[href*='/results/']"),
    "experiment's form": "/admin/experiments/experiment/add/",
    "models": "/admin/modeling/algorithmversion/",
    "overrides": "/admin/overrides/",
    "accuracy": "/admin/metrics/accuracy/",
}
OPERATORS: dict[str, str | Step] = {
    "rollouts": "/admin/rollout/rollout/",
    "rollout": clicked("th a:has-text('plan.taper_by_model')", "#ro-live .ro-ladder"),
    "rollback": clicked("[data-open]", "dialog[open]"),
    "incident": "/admin/rollout/incident/",
    "approvals": "/admin/rollout/approval/",
    "flag": "/admin/rollout/flag/",
    "service": "/admin/service-health/",
    "alerts": "/admin/telemetry/alertincident/",
    "alert rule": "/admin/telemetry/alertrule/add/",
    "people": "/admin/accounts/user/",
    "team": "/admin/accounts/team/add/",
    "audit log": "/admin/audit/auditevent/",
    "erasure": "/admin/accounts/erasurerequest/add/",
}

READERS: dict[str, str | Step] = {
    "plans": "/admin/plans/plan/",
    "plan to read": clicked("#result_list a[href*='/change/']", "#plan-read-only"),
}


@pytest.mark.parametrize(
    ("email", "stops"),
    [
        pytest.param(COACH, COACHS, id="coach"),
        pytest.param(SCIENTIST, SCIENTISTS, id="data scientist", marks=pytest.mark.heavy),
        pytest.param(ADMIN, OPERATORS, id="operator", marks=pytest.mark.heavy),
        pytest.param(SUPPORT, READERS, id="support", marks=pytest.mark.heavy),
    ],
)
def test_axe_finds_nothing_serious_or_critical(
    visit: Visit, server: Server, email: str, stops: dict[str, str | Step]
) -> None:
    page, _ = visit(email)
    found = findings(page, "pending") if email == COACH else []
    for name, way in stops.items():
        if isinstance(way, str):
            page.goto(server.url + way)
        else:
            way(page)
        found += findings(page, name, "dialog[open]" if page.locator("dialog[open]").count() else "html")
    assert not found, "\n".join(found)


def test_dialogs_and_comments_keep_the_keyboard_and_give_it_back(visit: Visit) -> None:
    page, wrong = visit()
    open_review(page, pending_ids(page)[0])
    session = movable(page, 1)[0]
    page.locator(f".rv-chip[data-item='{session}']").focus()
    for key in ("Enter", "Control+Enter", "?"):
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]")
        for step in ("Shift+Tab", "Tab", "Tab"):
            page.keyboard.press(step)
            assert not page.evaluate("document.activeElement.closest('#page')?.querySelector('dialog[open]') === null")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")
        assert page.evaluate("document.activeElement.dataset.item") == session, f"after {key}"
    page.get_by_label("Comment on the plan").fill("Ask about the knee")
    for step in ("Tab", "Tab", "Enter"):
        page.keyboard.press(step)
    page.get_by_text("Ask about the knee").wait_for()
    page.wait_for_function("document.activeElement.id === 'rv-comments'")
    assert wrong == []


def test_what_the_theme_lets_only_a_mouse_do_works_by_keyboard(visit: Visit, server: Server) -> None:
    page, wrong = visit()
    page.goto(f"{server.url}/admin/plans/plan/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip the navigation"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for control, opens in ((".lg\\:ml-auto", "#changelist-filter"), ("nav div[role=button]", "text=Log out")):
        page.focus(f"{control} >> visible=true")
        page.keyboard.press("Enter")
        page.wait_for_selector(f"{opens} >> visible=true")
        page.keyboard.press("Escape")
    assert wrong == []


def test_a_coach_who_wants_less_motion_gets_none(server: Server, browser: Any, visit: Visit) -> None:
    page, _ = visit()
    page.emulate_media(reduced_motion="reduce")
    open_review(page, pending_ids(page)[0])
    seconds = "[...document.querySelectorAll('*')].map((one) => parseFloat(getComputedStyle(one).transitionDuration))"
    assert page.evaluate(f"Math.max(...{seconds})") <= 0.01
