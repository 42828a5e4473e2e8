"""The model version in generation: the champion's from the next plan on, the candidate's in an experiment's arm."""

from __future__ import annotations

import pytest

from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import ExperimentExposure
from experiments.services.running import create_experiment, step
from modeling import versions
from modeling.services.heuristics import create_heuristic, link_experiment, step_heuristic
from modeling.services.versions import give_experiment, promote_version, roll_back_version
from plans import generation
from plans.heuristics import PARAMETER as HEURISTIC
from plans.models import PlanGeneration, PlanVersion
from plans.services.regenerate_plan import regenerate_plan
from plans.services.version_evidence import evidence_of
from plans.variants import ALGORITHM, VERSION
from rollout.services.flags import change_flag
from tests.experiments.protocols import protocol
from tests.factories import make_athlete, make_user
from tests.modeling.registry import damage, version
from tests.plans.test_in_experiment import agree
from tests.plans.test_request_plan import api, flagged, plan_of  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db


@pytest.fixture
def used(monkeypatch, flagged):  # noqa: F811
    """Switch models on, and collect which version each plan was made with."""
    versions.forget()
    change_flag(key="plan.model_driven_generation", changes={"enabled": True}, reason="test", acting_user=COMMAND_LINE)
    found, real = [], generation.generate

    def seen(pipeline, athlete, *args, **kwargs):
        found.append(athlete.algorithm.name)
        return real(pipeline, athlete, *args, **kwargs)

    monkeypatch.setattr(generation, "generate", seen)
    return found


def running(parameter: str, values: dict[str, str], key: str, **fields) -> None:
    """Everybody gets the second value."""
    told = {"key": key, "reason": "test", "acting_user": COMMAND_LINE}
    first, second = values
    asked = protocol(control=first, parameter=parameter, values=values)
    create_experiment(fields={"variant_weights": {first: 0, second: 100}, "protocol": asked, **fields}, **told)
    step(command=Command.START, expected=None, **told)


def trying(found) -> None:
    give_experiment(version_id=found.pk, key="which-version", acting_user=COMMAND_LINE)
    running(VERSION, {"champion": "champion", "candidate": "candidate"}, "which-version")


def someone(coach):
    athlete = make_athlete(coach=coach)
    agree(athlete)
    return athlete


def request_of(plan):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return PlanGeneration.objects.filter(plan=plan).latest("id")


def test_a_promotion_holds_from_the_next_generation_on_and_old_plans_stay(api, used):  # noqa: F811
    found, by = version(), make_user("admin")
    before = plan_of(api())
    promote_version(name=found.name, reason="better", expected="1", without_experiment=True, acting_user=by)
    with unit_of_work(COMMAND_LINE, read_only=True):
        kept = PlanVersion.objects.get(plan=before).content_sha256
    after = plan_of(api())
    roll_back_version(reason="slow", expected=found.name, acting_user=by)
    plan_of(api())
    assert used == ["1", found.name, "1"]
    assert (before.experiment_arm, after.experiment_arm) == ("", "")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanVersion.objects.get(plan=before).content_sha256 == kept


def test_the_candidates_arm_plans_with_it_and_is_an_exposure(api, used):  # noqa: F811
    found = version()
    trying(found)
    inside, outside = plan_of(api(someone(api.coach))), plan_of(api())
    assert used == [found.name, "1"]
    assert (inside.experiment_arm, outside.experiment_arm) == ("which-version:candidate", "")
    told = request_of(inside)
    assert (told.routed_to, told.routing_reason) == ("auto", "flag_on")
    assert told.experiment_json == {
        "key": "which-version", "variant": "candidate", "value": "candidate", "version": found.name, "preference": "",
    }  # fmt: skip
    with unit_of_work(COMMAND_LINE, read_only=True):
        [exposure] = ExperimentExposure.objects.all()
    assert (exposure.variant, exposure.source_id) == ("candidate", told.pk)


def test_two_arms_at_once_are_two_exposures_and_the_record_tells_both(api, used):  # noqa: F811
    found = version()
    trying(found)
    running(ALGORITHM, {"a": "auto", "b": "simplified"}, "which-pipeline")
    plan = plan_of(api(someone(api.coach)))
    told = request_of(plan).experiment_json
    assert used == [found.name]
    assert (plan.pipeline, plan.experiment_arm) == ("simplified", "which-pipeline:b")
    assert (told["key"], told["value"]) == ("which-pipeline", "simplified")
    assert told["also"] == [
        {"key": "which-version", "variant": "candidate", "value": "candidate", "version": found.name}
    ]
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanVersion.objects.get(plan=plan).provenance_json["experiment"] == told
        exposed = ExperimentExposure.objects.values_list("experiment__key", "variant")
        assert sorted(exposed) == [("which-pipeline", "b"), ("which-version", "candidate")]
    regenerate_plan(plan_id=plan.pk, expected=None, acting_user=api.coach)
    assert used == [found.name] * 2
    step(key="which-version", command=Command.COMPLETE, reason="test", expected=None, acting_user=COMMAND_LINE)
    regenerate_plan(plan_id=plan.pk, expected=None, acting_user=api.coach)
    assert used[2:] == ["1"]
    assert "also" not in request_of(plan).experiment_json


def test_a_plan_from_outside_gets_the_champion_when_generated_again(api, used):  # noqa: F811
    athlete, found = make_athlete(coach=api.coach), version()
    plan = plan_of(api(athlete))
    trying(found)
    agree(athlete)
    regenerate_plan(plan_id=plan.pk, expected=None, acting_user=api.coach)
    assert used == ["1", "1"]


def test_the_template_asks_for_no_version(api, used):  # noqa: F811
    trying(version())
    plan = plan_of(api(someone(api.coach), model_choice="template"))
    assert (used, plan.experiment_arm) == (["1"], "")


@pytest.mark.parametrize("what", ["damaged", "nobody's"])
def test_a_candidate_that_cannot_be_used_never_fails_a_plan(api, used, what):  # noqa: F811
    found = version()
    if what == "damaged":
        trying(found)
        damage(found.name)
    else:
        running(VERSION, {"champion": "champion", "candidate": "candidate"}, "by-hand")
    plan = plan_of(api(someone(api.coach)))
    assert used == ["1"]
    assert request_of(plan).outcome == "ok"
    assert request_of(plan).experiment_json["version"] == "1"


def test_what_an_experiment_says_of_its_version():
    found = version()
    with unit_of_work(COMMAND_LINE):
        assert evidence_of("which-version", COMMAND_LINE).against == "there is no such experiment."
    trying(found)
    with unit_of_work(COMMAND_LINE):
        assert "it is running" in evidence_of("which-version", COMMAND_LINE).against
    step(key="which-version", command=Command.COMPLETE, reason="x", expected=None, acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE):
        assert "nobody looked" in evidence_of("which-version", COMMAND_LINE).against


SHORT_LONGS = {
    "name": "short-longs",
    "condition": {"kind": ["long"], "minutes": {"at_least": 30}},
    "adjustment": {"adjustment": "volume", "volume_factor": 0.85},
    "reason": "Coaches shorten long sessions.",
}


@pytest.mark.parametrize("value", ["on", "off"])
def test_a_heuristic_adjusts_plans_of_its_arm_alone(api, used, value):  # noqa: F811
    create_heuristic(document=SHORT_LONGS, reason="seen", acting_user=COMMAND_LINE)
    link_experiment(name="short-longs", experiment_key="shorter", reason="seen", acting_user=COMMAND_LINE)
    running(HEURISTIC, {"a": "off", "b": value}, "shorter")
    inside, outside = plan_of(api(someone(api.coach))), plan_of(api())
    told, plain = made_from(inside), made_from(outside)
    assert inside.experiment_arm == "shorter:b" and told["experiment"]["value"] == value
    if value == "on":
        assert told["heuristics"] == ["short-longs"] and told["adjustments"]
        assert {one["reason"] for one in told["adjustments"]} == {"Coaches shorten long sessions"}
    for made in (plain, *([told] if value == "off" else [])):
        assert "heuristics" not in made and not made.get("adjustments")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert ExperimentExposure.objects.get().variant == "b"


def test_a_retired_heuristic_adjusts_nothing_more(api, used):  # noqa: F811
    create_heuristic(document=SHORT_LONGS, reason="seen", acting_user=COMMAND_LINE)
    link_experiment(name="short-longs", experiment_key="shorter", reason="seen", acting_user=COMMAND_LINE)
    running(HEURISTIC, {"a": "off", "b": "on"}, "shorter")
    step_heuristic(name="short-longs", command="retire", reason="harm", acting_user=COMMAND_LINE)
    made = made_from(plan_of(api(someone(api.coach))))
    assert "heuristics" not in made and not made.get("adjustments")


def made_from(plan):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return PlanVersion.objects.get(plan=plan).provenance_json
