"""The draft of a candidate: what it asks, and what it says it could show on the roster; the gate's safety panel."""

from __future__ import annotations

import pytest

from common.context import COMMAND_LINE
from common.errors import NotPermitted
from experiments.models import Experiment
from experiments.services.previewing import preview_experiment
from modeling.learned.algorithm import SHIPPED_ALGORITHM
from modeling.services.versions import promote_version
from plans.services import safety_panel
from plans.services.propose_version import propose_newest
from plans.services.retrain import RETRAINING
from plans.services.safety_panel import broken_guards, panel
from tests.experiments.preview.rosters import fill_roster
from tests.factories import make_user
from tests.modeling.registry import version


@pytest.mark.django_db
def test_a_draft_may_be_started_and_says_its_power(monkeypatch):
    fill_roster(60, coaches=8)
    found = version()
    experiment = propose_newest(acting_user=RETRAINING)
    assert propose_newest(acting_user=RETRAINING) is None
    found.refresh_from_db()
    assert found.experiment_key == experiment.key
    told = preview_experiment(key=experiment.key, acting_user=COMMAND_LINE)
    assert told.protocol.planned_subjects == experiment.protocol["planned_subjects"]
    assert "athletes count after" in experiment.description or "Power is not known" in experiment.description
    assert experiment.protocol["values"] == {"champion": "champion", "candidate": "candidate"}
    assert [rule["metric"] for rule in experiment.protocol["guardrails"]] == [
        "errors",
        "calculation_speed",
        "adherence",
    ]
    assert "passed the gate" in experiment.description


@pytest.mark.django_db
def test_a_candidate_of_an_older_champion_is_not_proposed():
    first, second = version("a"), version("b")
    told = {"reason": "better", "without_experiment": True, "acting_user": make_user("admin")}
    promote_version(name=first.name, expected="1", **told)
    assert propose_newest(acting_user=RETRAINING) is None
    third = version("c")
    assert propose_newest(acting_user=RETRAINING).key == f"model-{third.name.replace('.', '-')}"
    assert Experiment.objects.count() == 1
    second.refresh_from_db()
    assert second.experiment_key == ""


@pytest.mark.django_db
def test_who_may_not_manage_experiments_proposes_nothing():
    version()
    with pytest.raises(NotPermitted):
        propose_newest(acting_user=make_user("coach"))
    assert Experiment.objects.count() == 0


@pytest.mark.pure
def test_the_panel_covers_everybody_and_the_shipped_version_breaks_nothing():
    people = list(panel(SHIPPED_ALGORITHM))
    assert {(one.sport, one.level) for one, _ in people} == {
        (sport, level) for sport in ("running", "cycling") for level in safety_panel.DAY_LOADS
    }
    assert {goal.race for _, goal in people} == {race for races in safety_panel.RACES.values() for race in races}
    assert any(one.fit is None for one, _ in people)
    assert any(one.fit is not None for one, _ in people)
    assert all(one.algorithm is SHIPPED_ALGORITHM for one, _ in people)
    assert broken_guards(SHIPPED_ALGORITHM) == []


@pytest.mark.pure
def test_the_panel_tells_of_guards_and_of_plans_that_fail(monkeypatch):
    monkeypatch.setattr(safety_panel, "check_plan", lambda *args: ("weekly ramp by 9.00 TSS (week 3)",))
    found = broken_guards(SHIPPED_ALGORITHM)
    assert len(found) == 72
    assert found[0].startswith("running, beginner, 0 days of history")
    assert "broke 1 guards, first weekly ramp" in found[0]

    def fails(*args, **kwargs):
        raise ZeroDivisionError("no load")

    monkeypatch.setattr(safety_panel, "generate", fails)
    assert "no plan (ZeroDivisionError: no load)" in broken_guards(SHIPPED_ALGORITHM)[0]
