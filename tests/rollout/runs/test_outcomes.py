"""What plans tell a rollout: each arm's answers, what athletes decide and rate, and that a plan keeps its pipeline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.services.people import edit_athlete
from common import clock
from common.context import unit_of_work
from common.errors import WrongState
from common.ids import uuid7
from common.jobs import run_job
from common.management.base import COMMAND_LINE
from plans import generation
from plans.models import Plan, PlanGeneration
from plans.services.decide import accept_plan, request_changes, submit_plan
from plans.services.regenerate_plan import regenerate_plan
from plans.services.request_plan import PlanWish, request_plan
from plans.services.versions import etag_of
from rollout.attribution import Attribution
from rollout.evaluation import bucket
from rollout.gates.evidence import Arm, Tally
from rollout.models import Flag, OutcomeFact, OutcomeKind, OutcomeMinute
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import kill_flag
from rollout.services.outcomes import record_answer, record_fact
from rollout.services.rollouts import rollback
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def half(live):
    """The run at its percentage stage, with so large a percentage that both arms are easy to find."""
    live.windows(6, new=1, control=1)
    live.minutes(1, new=1, control=1)
    assert live.stage == "small"
    with unit_of_work(COMMAND_LINE):
        OutcomeFact.objects.all().delete()
    Flag.objects.filter(name=KEY).update(rollout_thousandths=50_000)
    return live


def someone(arm: str, coach, **fields):
    """Return an athlete whom the percentage puts into an arm."""
    flag = Flag.objects.get(name=KEY)
    while True:
        athlete = make_athlete(coach=coach, tier="elite", user=make_user("athlete"), **fields)
        if (bucket(str(athlete.pk), flag.salt) < flag.rollout_thousandths) == (arm == "new"):
            return athlete


def planned(athlete, coach, wish: str = "") -> PlanGeneration:
    """Ask for a plan and let its job run."""
    race_day = clock.today() + timedelta(days=80)
    generation_ = request_plan(
        athlete_id=athlete.pk, wish=PlanWish(race_day, "10k", model_choice=wish), acting_user=coach
    )
    run_job(generation_.job_id, worker="test")
    with unit_of_work(COMMAND_LINE, read_only=True):
        return PlanGeneration.objects.select_related("plan__head_version").get(pk=generation_.pk)


def stored(plan: Plan) -> Plan:
    """Return the plan as it is now."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Plan.objects.select_related("head_version").get(pk=plan.pk)


def facts(**where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(OutcomeFact.objects.filter(**where).order_by("id"))


@pytest.mark.parametrize("arm", ["new", "control"])
def test_an_answer_counts_for_the_arm_that_gave_it(half, arm):
    coach = make_user("coach")
    made = planned(someone(arm, coach), coach)
    [fact] = facts(kind="answer")
    assert (fact.arm, fact.stage, fact.rollout_id, fact.source_id) == (arm, 1, half.run.pk, made.pk)
    assert fact.latency_ms > 0
    assert not fact.failed


def test_a_fallback_is_the_new_arms_failure(half, monkeypatch):
    real = generation.generate

    def broken(pipeline, athlete, goal, *, seed):
        if pipeline != "template":
            raise ZeroDivisionError("no")
        return real(pipeline, athlete, goal, seed=seed)

    monkeypatch.setattr(generation, "generate", broken)
    coach = make_user("coach")
    planned(someone("new", coach), coach)
    [fact] = facts(kind="answer")
    assert (fact.arm, fact.failed, fact.fallback) == ("new", True, True)


@pytest.mark.parametrize("choice", ["wish", "setting", "tier"])
def test_whom_the_percentage_did_not_decide_is_in_neither_arm(half, choice):
    coach = make_user("coach")
    athlete = someone("new", coach)
    if choice == "setting":
        edit_athlete(athlete_id=athlete.pk, changes={"personalised_plans": False}, acting_user=COMMAND_LINE)
    if choice == "tier":
        edit_athlete(athlete_id=athlete.pk, changes={"tier": "free"}, acting_user=COMMAND_LINE)
    planned(athlete, coach, wish="template" if choice == "wish" else "")
    assert facts() == []


def test_the_first_decision_and_its_rating_count_for_the_stage_that_made_the_plan(half):
    coach = make_user("coach")
    athlete = someone("new", coach)
    plan = planned(athlete, coach).plan
    decide(plan, coach, athlete.user, accept=False)
    decide(plan, coach, athlete.user, accept=True, rating=4)
    [decision] = facts(kind="decision")
    assert (decision.accepted, decision.stage, decision.arm) == (False, 1, "new")
    [rating] = facts(kind="rating")
    assert rating.rating == 4


def test_a_plan_accepted_at_once_counts_as_accepted(half):
    coach = make_user("coach")
    athlete = someone("control", coach)
    decide(planned(athlete, coach).plan, coach, athlete.user, accept=True)
    assert [(fact.accepted, fact.arm) for fact in facts(kind="decision")] == [(True, "control")]


def decide(plan: Plan, coach, athlete, *, accept: bool, **more):
    plan = stored(plan)
    submit_plan(plan_id=plan.pk, expected=frozenset({etag_of(plan)}), acting_user=coach)
    head = stored(plan).head_version
    act = accept_plan if accept else request_changes
    seen = {"version_id": head.pk, "content_sha256": head.content_sha256}
    act(plan_id=plan.pk, acting_user=athlete, **seen, **more)


@pytest.mark.parametrize("how", ["kill", "rollback"])
def test_after_a_kill_or_a_rollback_the_plan_stands_and_the_next_one_is_a_template(half, how, admin):
    coach = make_user("coach")
    athlete = someone("new", coach)
    plan = planned(athlete, coach).plan
    assert plan.pipeline != "template"
    if how == "kill":
        kill_flag(key=KEY, reason="fire", acting_user=admin)
    else:
        rollback(rollout_id=half.run.pk, expected=None, reason="fire", acting_user=admin)
    plan = stored(plan)
    before = (plan.pipeline, plan.head_version_id, plan.lock_version)
    with pytest.raises(WrongState, match="stands"):
        regenerate_plan(plan_id=plan.pk, expected=frozenset({etag_of(plan)}), acting_user=coach)
    plan = stored(plan)
    assert (plan.pipeline, plan.head_version_id, plan.lock_version) == before
    assert planned(athlete, coach).plan.pipeline == "template"


def test_a_template_plan_stays_one_when_the_flag_reaches_its_athlete(half):
    coach = make_user("coach")
    athlete = someone("control", coach)
    plan = planned(athlete, coach).plan
    Flag.objects.filter(name=KEY).update(rollout_thousandths=100_000)
    again = regenerate_plan(plan_id=plan.pk, expected=frozenset({etag_of(plan)}), acting_user=coach)
    assert again.version.provenance_json["pipeline"] == "template"


def test_reports_count_people_once_a_stage(half):
    athletes = [make_athlete(tier="elite") for _ in range(2)]
    where = Attribution(str(half.run.pk), half.run.stage, Arm.NEW)
    with clock.frozen(half.now), unit_of_work(COMMAND_LINE):
        for athlete in athletes:
            record_answer(attribution=where, athlete_id=athlete.pk, source_id=uuid7(), latency_ms=90.0)
        for athlete, critical in ((athletes[0], True), (athletes[0], True), (athletes[0], False), (athletes[1], False)):
            told = {"athlete_id": athlete.pk, "source_id": uuid7(), "critical": critical}
            assert record_fact(flag_key=KEY, kind=OutcomeKind.REPORT, **told)
    half.now += timedelta(minutes=1)
    half.tick()
    with clock.frozen(half.now), unit_of_work(COMMAND_LINE):
        again = {"athlete_id": athletes[0].pk, "source_id": uuid7(), "critical": True}
        assert record_fact(flag_key=KEY, kind=OutcomeKind.REPORT, **again)
    half.now += timedelta(minutes=1)
    half.tick()
    found = [Tally.from_json(row.new_json) for row in OutcomeMinute.objects.order_by("-minute")[:2]]
    counted = [(t.subjects, t.reports, t.reporters, t.critical, t.critical_reporters) for t in found]
    assert counted == [(0, 1, 0, 1, 0), (2, 4, 2, 2, 1)]
