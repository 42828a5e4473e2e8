"""An experiment in plan generation: after tier, flag and setting, and only with consent (requirements, "Order")."""

from __future__ import annotations

import pytest

from accounts.services.consent import record_consent
from accounts.services.people import edit_athlete
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import ExperimentAssignment, ExperimentExposure
from experiments.services import exposing
from experiments.services.running import create_experiment, step
from plans.models import PlanGeneration, PlanVersion
from plans.pipelines.registry import generate
from plans.routing import by_arm
from plans.services.regenerate_plan import regenerate_plan
from plans.variants import ALGORITHM
from rollout.services.flags import change_flag
from telemetry.models import OutboxEvent
from tests.experiments.protocols import protocol
from tests.factories import make_athlete, make_user
from tests.plans.test_request_plan import api, flagged, plan_of  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db
KEY = "which-model"


@pytest.fixture
def running(flagged):  # noqa: F811
    """Run an experiment in which everybody gets one value."""
    change_flag(key="plan.model_driven_generation", changes={"enabled": True}, reason="test", acting_user=COMMAND_LINE)
    scientist = make_user("data_scientist")

    def begin(value: str, key: str = KEY, **fields):
        asked = protocol(control="a", parameter=ALGORITHM, values={"a": "auto", "b": value})
        told = {"key": key, "reason": "test", "acting_user": scientist}
        create_experiment(fields={"variant_weights": {"a": 0, "b": 100}, "protocol": asked, **fields}, **told)
        step(command=Command.START, expected=None, **told)

    begin.scientist = scientist
    return begin


def agree(athlete, *, granted: bool = True) -> None:
    about = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
    record_consent(athlete_id=athlete.pk, granted=granted, **about)


def kept() -> tuple[list[ExperimentAssignment], list[ExperimentExposure], PlanGeneration]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        assignments = list(ExperimentAssignment.objects.all())
        return assignments, list(ExperimentExposure.objects.all()), PlanGeneration.objects.latest("id")


def test_the_arm_chooses_the_model_is_on_the_plan_and_told_as_an_exposure(api, running):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    agree(athlete)
    plan = plan_of(api(athlete))
    [assignment], [exposure], request = kept()
    assert (plan.pipeline, plan.experiment_arm) == ("simplified", f"{KEY}:b")
    assert (request.routed_to, request.routing_reason) == ("simplified", "experiment")
    assert request.experiment_json == {"key": KEY, "variant": "b", "value": "simplified", "preference": ""}
    assert (exposure.subject_id, exposure.variant, exposure.coach_id) == (athlete.pk, "b", api.coach.pk)
    assert (exposure.source, exposure.source_id) == ("plan.generated", request.pk)
    assert exposure.exposed_at >= assignment.assigned_at
    with unit_of_work(COMMAND_LINE, read_only=True):
        told = OutboxEvent.objects.get(type="plan.generated").data["data"]
        provenance = PlanVersion.objects.get(plan=plan).provenance_json
    assert (told["experiment_arm"], told["variant"], told["preference"]) == (f"{KEY}:b", "b", "")
    assert provenance["experiment"]["variant"] == "b"


@pytest.mark.parametrize(
    ("what", "pipeline", "reason"),
    [
        ("tier", "template", "tier"),
        ("flag", "template", "flag_disabled"),
        ("setting", "template", "setting_off"),
        ("asked for the template", "template", "asked_for"),
        ("no consent", "auto", "flag_on"),
        ("consent withdrawn", "auto", "flag_on"),
        ("paused before", "auto", "flag_on"),
        ("complete", "auto", "flag_on"),
        ("held out", "auto", "flag_on"),
        ("not targeted", "auto", "flag_on"),
    ],
)
def test_whoever_something_stands_against_is_not_exposed_and_gets_a_plan(api, running, what, pipeline, reason):  # noqa: F811
    fields = {"held out": {"holdout_percentage": 99.999}, "not targeted": {"targeting": {"sport": ["cycling"]}}}
    running("simplified", **fields.get(what, {}))
    athlete = make_athlete(coach=api.coach, tier="basic" if what == "tier" else "elite")
    if what != "no consent":
        agree(athlete)
    if what == "consent withdrawn":
        agree(athlete, granted=False)
    if what == "flag":
        off = {"enabled": False}
        change_flag(key="plan.model_driven_generation", changes=off, reason="test", acting_user=COMMAND_LINE)
    if what == "setting":
        edit_athlete(athlete_id=athlete.pk, changes={"personalised_plans": False}, acting_user=COMMAND_LINE)
    if what in ("paused before", "complete"):
        command = Command.PAUSE if what == "paused before" else Command.COMPLETE
        step(key=KEY, command=command, reason="test", expected=None, acting_user=running.scientist)
    plan = plan_of(api(athlete, **({"model_choice": "template"} if what.startswith("asked") else {})))
    assignments, exposures, request = kept()
    assert (request.routed_to, request.routing_reason) == (pipeline, reason)
    assert plan.experiment_arm == ""
    assert exposures == []
    assert [one.is_holdout for one in assignments] == ([True] if what == "held out" else [])


@pytest.mark.parametrize(
    ("value", "wish", "pipeline"),
    [("choice", "advanced", "advanced"), ("choice", "", "auto"), ("simplified", "advanced", "simplified")],
)
def test_a_wish_counts_in_one_group_and_is_kept_in_all(api, running, value, wish, pipeline):  # noqa: F811
    running(value)
    athlete = make_athlete(coach=api.coach)
    agree(athlete)
    plan = plan_of(api(athlete, **({"model_choice": wish} if wish else {})))
    _, [exposure], request = kept()
    assert by_arm(value, wish).pipeline == request.routed_to == pipeline
    assert exposure.preference == wish
    with unit_of_work(COMMAND_LINE, read_only=True):
        warnings = PlanVersion.objects.get(plan=plan).warnings_json
    overruled = value != "choice" and wish != pipeline
    assert any("experiment chose the simplified model" in one for one in warnings) is overruled


def test_withdrawal_holds_from_the_next_plan_on(api, running):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    agree(athlete)
    plan_of(api(athlete))
    agree(athlete, granted=False)
    assert plan_of(api(athlete)).experiment_arm == ""
    assert len(kept()[1]) == 1


def test_generating_again_stays_in_the_arm_and_is_another_exposure(api, running):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    outside = plan_of(api(athlete))
    agree(athlete)
    inside = plan_of(api(athlete))
    for plan in (outside, inside):
        regenerate_plan(plan_id=plan.pk, expected=None, acting_user=api.coach)
    with unit_of_work(COMMAND_LINE, read_only=True):
        outside.refresh_from_db()
        inside.refresh_from_db()
    assert (outside.experiment_arm, inside.experiment_arm) == ("", f"{KEY}:b")
    assert len(kept()[1]) == 2
    agree(athlete, granted=False)
    regenerate_plan(plan_id=inside.pk, expected=None, acting_user=api.coach)
    assert len(kept()[1]) == 2


def test_another_experiment_does_not_take_a_plan_over(api, running):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    agree(athlete)
    plan = plan_of(api(athlete))
    step(key=KEY, command=Command.COMPLETE, reason="test", expected=None, acting_user=running.scientist)
    running("advanced", key="next")
    regenerate_plan(plan_id=plan.pk, expected=None, acting_user=api.coach)
    with unit_of_work(COMMAND_LINE, read_only=True):
        plan.refresh_from_db()
    assert plan.experiment_arm == ""
    assert len(kept()[1]) == 1


def test_an_experiment_that_fails_decides_nothing(api, running, monkeypatch):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    agree(athlete)

    def fail(*args, **kwargs):
        raise RuntimeError("no such table")

    monkeypatch.setattr(exposing, "assigned_in", fail)
    plan = plan_of(api(athlete))
    assert (kept()[2].routed_to, plan.experiment_arm) == ("auto", "")


def test_a_plan_that_falls_back_counts_for_its_arm(api, running, monkeypatch):  # noqa: F811
    running("simplified")
    athlete = make_athlete(coach=api.coach)
    agree(athlete)
    monkeypatch.setattr("plans.generation.generate", _only_the_template)
    plan = plan_of(api(athlete))
    _, [exposure], request = kept()
    assert (plan.pipeline, plan.experiment_arm, request.outcome) == ("template", f"{KEY}:b", "fallback")
    assert exposure.variant == "b"


def _only_the_template(pipeline, *args, **kwargs):
    if pipeline != "template":
        raise RuntimeError("down")
    return generate(pipeline, *args, **kwargs)


def test_a_second_experiment_about_the_same_parameter_needs_people_of_its_own(running):
    running("simplified", layer={"key": "planning", "from": 0, "to": 50})
    with pytest.raises(Exception, match="sets plan_algorithm_variant already"):
        running("advanced", key="other")
    with pytest.raises(Exception, match="both have 40 to 50 %"):
        running("advanced", key="another", layer={"key": "planning", "from": 40, "to": 100})
    running("advanced", key="beside", layer={"key": "planning", "from": 50, "to": 100})
