"""The preview of an experiment in a real browser: it fits at both sizes, says what blocks, and starts by keyboard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, nameless, pictures
from tests.pages.settling import go
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
SCIENTIST = "scientist@demo.mesocycle.example"
SETS = {"parameter": "plan_algorithm_variant", "values": {"a": "auto", "b": "simplified"}}
QUESTION = {"control": "a", "primary_metric": "calculation_speed", "planned_subjects": 200, "target": 70}
GUARD = {"guardrails": [{"metric": "errors", "margin": 0.02}]}
HALVES = {"variant_weights": {"a": 50, "b": 50}, "stratification_keys": ["sport", "level"]}


MAKE = """
import json
from accounts.models import Athlete
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment
from experiments.services.assign import assign_many
from experiments.services.running import create_experiment, step
from tests.experiments.preview.rosters import fill_roster
told = {"reason": "a test", "acting_user": COMMAND_LINE}
fill_roster(90, coaches=12, refused=12, never_asked=9)
for key, fields in json.loads(DOCUMENTS).items():
    create_experiment(key=key, fields=fields, **told)
with unit_of_work(COMMAND_LINE, read_only=True):
    people = [(key, {}) for key in Athlete.objects.values_list("pk", flat=True)]
for key in ("digest", "other"):
    step(key=key, command=Command.START, expected=None, **told)
    assign_many(experiment_key=key, subjects=people, acting_user=COMMAND_LINE)
print(json.dumps({key: str(pk) for key, pk in Experiment.objects.values_list("key", "pk")}))
"""


def scientist(visit: Visit) -> tuple[Any, list[str]]:
    """Log in; the pending list, where `visit` goes, is not theirs: the browser says so, and misses that page's icon."""
    page, wrong = visit(SCIENTIST)
    go(page, page.url.split("/admin/")[0] + "/admin/rollout/rollout/")
    wrong.clear()
    return page, wrong


def layer(low: int, high: int) -> dict[str, Any]:
    return {"layer": {"key": "planning", "from": low, "to": high}}


@pytest.fixture(scope="module")
def drafts(server: Server, demo: dict[str, Any]) -> dict[str, str]:
    """A roster with a past; an experiment that runs, a draft that may start, and one that may not; addresses by key."""
    documents: dict[str, dict[str, Any]] = {
        "digest": {**HALVES, "name": "Digest wording", "protocol": {**QUESTION}, "traffic_percentage": 60},
        "taper": {
            **HALVES,
            "name": "Shorter taper, quicker plans",
            "holdout_percentage": 5,
            "protocol": {**QUESTION, **GUARD, **SETS},
            **layer(0, 80),
        },
        "blocked": {
            **HALVES,
            "name": "Blocked",
            "protocol": {**QUESTION, "primary_metric": "satisfaction"},
            **layer(60, 100),
        },
        "other": {**HALVES, "name": "Rest days", "protocol": {**QUESTION}, **layer(80, 100)},
    }
    script = f"DOCUMENTS = {json.dumps(documents)!r}\n{MAKE}"
    found = json.loads(server.manage("shell", "--no-imports", "-c", script).stdout.splitlines()[-1])
    return {key: f"{server.url}/admin/experiments/experiment/{pk}/preview/" for key, pk in found.items()}


def test_the_preview_fits_and_shows_the_roster(visit: Visit, drafts: dict[str, str]) -> None:
    page, wrong = scientist(visit)
    page.goto(drafts["taper"])
    assert "Draft, preview" in page.inner_text(".ro h1")
    expect(page.locator(".xp-strata tbody tr")).to_have_count(8)
    facts = page.inner_text(".xp-facts")
    assert "102 athletes" in facts
    assert "9 never asked" in facts
    total = [int(word) for word in page.locator(".xp-strata tfoot .xp-arm").all_inner_texts()]
    drawn = [int(word) for word in page.locator(".xp-strata tbody .xp-arm b").all_inner_texts()]
    assert [sum(drawn[0::2]), sum(drawn[1::2])] == total
    expect(page.locator(".ro-plot[role=img]")).to_have_count(1)
    assert "Allowed" in page.inner_text(".ro-rows") or "Check interaction" in page.inner_text(".ro-rows")
    assert "Kept apart" in page.inner_text(".ro-rows")
    pictures(page, "preview")
    page.click("text=Recompute")
    expect(page.locator(".xp-strata")).to_have_count(1)
    assert nameless(page) == []
    assert wrong == []


def test_a_blocker_keeps_the_start_shut_and_says_why(visit: Visit, drafts: dict[str, str]) -> None:
    page, wrong = scientist(visit)
    page.goto(drafts["blocked"])
    assert page.is_disabled("[aria-describedby=xp-blocked]")
    assert "1 blocker" in page.inner_text("#xp-blocked")
    assert "both have 80 to 100 % of 'planning'" in page.inner_text(".xp-checks li >> nth=0")
    assert "Not known" in page.inner_text(".ro-hatch")
    pictures(page, "preview-blocked")
    assert wrong == []


def test_a_draft_is_started_by_keyboard(visit: Visit, drafts: dict[str, str], server: Server) -> None:
    page, wrong = scientist(visit)
    page.goto(drafts["taper"])
    page.focus("summary:has-text('Start')")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Reviewed by two of us")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/results/**")
    rows = {row["key"]: row["status"] for row in server.manage_json("experiment", "list")}
    assert rows["taper"] == "running"
    assert wrong == []
