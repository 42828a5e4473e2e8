"""The loop, whole and with nothing stubbed: coaches' overrides make the next model, and the next plan carries it.

override → nightly run → candidate → draft experiment → started → assigned → analysed → promoted → the next plan.
The clock is virtual. Written in bulk are the past before the first Monday (`tests.story.cohort`) and what athletes say
of their sessions during the experiment: some 3,000 reports, which a service would take a minute for.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from accounts.models import User
from common import clock, jobs
from common.context import unit_of_work
from common.errors import WrongState
from common.jobs import Job
from common.management.base import COMMAND_LINE
from experiments.analysis import Finding
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentAssignment, ExperimentExposure
from experiments.selectors import results_of
from experiments.services.looking import look_at_all
from experiments.services.running import step
from modeling import versions
from modeling.models import AlgorithmVersion, TrainingRun
from modeling.services.versions import promote_version
from modeling.training.store import FeatureStore
from plans.document.patch import parse_patch
from plans.jobs import RETRAIN_STEP, start_nightly
from plans.models import Plan, PlanGeneration, PlanSession, PlanVersion, SessionCompletion
from plans.services.decide import accept_plan, submit_plan
from plans.services.generate_plan import generate_plan
from plans.services.request_plan import PlanWish, request_plan
from plans.services.save_edits import save_edits
from rollout.services.flags import change_flag, seed_flags
from telemetry.tokens import person_token
from tests.factories import make_user
from tests.story.cohort import PLANTED, UNTIL, Cohort, make_cohort

pytestmark = [pytest.mark.django_db, pytest.mark.long]

TRAVELLERS = 12
IN_EXPERIMENT = 160
DONE = {"champion": 0.78, "candidate": 0.90}
"""Planted: the share of sessions that athletes of each arm complete."""
START, BEGUN, ENDED, NEXT = 7, 8, 37, 42
"""Days after the first Monday: the experiment is started, plans are asked for, it is completed; the next plans. It ends
within a week, as people do."""


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test a feature store, and jobs that wait until a worker comes."""
    settings.FEATURE_STORE_URL = str(tmp_path / "features")
    settings.VAR_DIR = tmp_path
    settings.TELEMETRY_TOKEN_KEYS = {1: base64.b64encode(bytes(32)).decode()}  # tokens say who is held out
    monkeypatch.setattr(jobs, "_dispatch_on_commit", lambda job_id: None)
    versions.forget()
    yield
    versions.forget()


@contextmanager
def day(number: int, hour: int = 9) -> Iterator[None]:
    """Act so many days after the first Monday."""
    with clock.frozen(datetime.combine(UNTIL, time(hour), UTC) + timedelta(days=number)):
        yield


@pytest.mark.once
@pytest.mark.heavy
def test_the_loop_closes() -> None:
    models_on()
    cohort, scientist = make_cohort(), make_user("data_scientist")
    runners = [number for number, one in enumerate(cohort.athletes) if one.sport == "running"]
    travellers, rest = runners[:TRAVELLERS], [n for n in range(PLANTED.athletes) if n not in runners[:TRAVELLERS]]

    # Coaches override the machine, with a reason.
    first = {number: travelling(cohort, number, at=0) for number in travellers}
    shipped = {plan.pk: provenance_of(plan) for plan in first.values()}
    assert {told["algorithm_version"] for told in shipped.values()} == {"1"}

    # The night learns the planted habit from them and from the others; the gate passes.
    run, version, experiment = a_night_proposes(at=START)
    overridden(cohort, travellers)
    assert run.rows_json["athletes"] == PLANTED.athletes
    habit = next(one for one in versions.checked(version).overrides.rules if one.field == "reason")
    assert (habit.adjustment, habit.kind, habit.value) == ("volume", "long", "travel")
    assert habit.factor == pytest.approx(0.88, abs=0.02)

    # A person starts the draft; athletes ask for plans and are assigned to arms by it.
    with pytest.raises(WrongState, match="it is draft"):
        promote(version, scientist, day_number=START)
    move(experiment, Command.START, scientist, at=START)
    with day(BEGUN):
        tried = {number: new_plan(cohort, number) for number in [*travellers, *rest[: IN_EXPERIMENT - TRAVELLERS]]}
        for number, plan in tried.items():
            approve(cohort, number, plan)
    arms = arms_of(cohort, tried, experiment)
    adjusted_in_one_arm(tried, arms, travellers, version)

    # Four weeks and two days on, it is looked at each week, completed and promoted.
    for week in (1, 2, 3, 4):
        with day(START + 7 * week, hour=1):
            report(cohort, tried, arms)
            look_at_all()
    with pytest.raises(WrongState, match="it is running"):
        promote(version, scientist, day_number=ENDED)
    move(experiment, Command.COMPLETE, scientist, at=ENDED)
    with day(ENDED + 1, hour=1):
        look_at_all()
        treatment = results_of(key=experiment.key, acting_user=scientist).report.treatments[0]
    assert (treatment.name, treatment.judged.finding) == ("candidate", Finding.BETTER)
    promote(version, scientist, day_number=ENDED + 1)

    # The next plans carry the new version, with what coaches would change done and explained; the old ones theirs.
    promoted_plans_next(cohort, travellers, arms, version)
    assert {pk: provenance_of(Plan.objects.get(pk=pk)) for pk in shipped} == shipped

    # The next night compares with the new champion. Coaches changed nothing of the plans in the experiment, so that the
    # habits of the past say too much of them: the gate refuses, and the champion stays.
    with day(NEXT + 1, hour=3):
        again = night()
    assert again.status == "refused"
    assert [one["name"] for one in again.gate_json["checks"] if not one["passed"]] == ["calibration"]
    assert (AlgorithmVersion.objects.count(), versions.champion_name()) == (1, version.name)


def models_on() -> None:
    """Switch model-driven plans on for everybody whose tier has them."""
    seed_flags(acting_user=COMMAND_LINE)
    change_flag(key="plan.model_driven_generation", changes={"enabled": True}, reason="test", acting_user=COMMAND_LINE)


def night() -> TrainingRun:
    """Begin the night's run and do its jobs one after the other, as a worker does."""
    run = start_nightly()
    assert run is not None
    while queued := Job.objects.filter(state="queued", kind=RETRAIN_STEP).order_by("id").first():
        jobs.run_job(queued.pk, worker="night")
    run.refresh_from_db()
    return run


def a_night_proposes(*, at: int) -> tuple[TrainingRun, AlgorithmVersion, Experiment]:
    """Do a night that passes the gate, and return what came of it."""
    with day(at, hour=3):
        run = night()
    assert run.status == "passed", [one for one in run.gate_json.get("checks", []) if not one["passed"]] or run.message
    version, experiment = AlgorithmVersion.objects.get(), Experiment.objects.get()
    assert (version.run, version.status, versions.champion_name()) == (run, "candidate", "1")
    assert (experiment.status, experiment.key) == ("draft", version.experiment_key)
    assert "athletes count after" in experiment.description
    return run, version, experiment


def overridden(cohort: Cohort, numbers: list[int]) -> None:
    """Check that what the coaches did through the services is in the store, with its reason."""
    with day(START):
        store = FeatureStore.open(settings.FEATURE_STORE_URL)
        rows = store.table("overrides", as_of=clock.now()).to_pylist()
    since = datetime.combine(UNTIL, time(), UTC)
    found = [row for row in rows if row["event_at"] > since]
    assert {row["athlete"] for row in found} == {person_token(cohort.athletes[number].pk) for number in numbers}
    assert {(row["adjustment"], row["reason"]) for row in found} == {("volume", "travel")}


def move(experiment: Experiment, command: Command, by: User, *, at: int) -> None:
    with day(at):
        step(key=experiment.key, command=command, reason="test", expected=None, acting_user=by)


def promote(version: AlgorithmVersion, by: User, *, day_number: int) -> None:
    with day(day_number):
        moved = promote_version(name=version.name, reason="Athletes do more of it.", expected="1", acting_user=by)
    assert (moved.champion, moved.before, versions.champion_name()) == (version.name, "1", version.name)


def arms_of(cohort: Cohort, tried: dict[int, Plan], experiment: Experiment) -> dict[int, str]:
    """Return the arm of each athlete with a plan, after checking that both are used and every use is an exposure."""
    assigned = dict(ExperimentAssignment.objects.filter(experiment=experiment).values_list("subject_id", "variant"))
    arms = {number: assigned[cohort.athletes[number].pk] for number in tried}
    sizes = sorted(list(arms.values()).count(arm) for arm in ("champion", "candidate"))
    assert sum(sizes) == IN_EXPERIMENT
    assert sizes[1] - sizes[0] <= 10  # permuted blocks in each sport and level
    exposed = ExperimentExposure.objects.values_list("subject_id", "variant")
    assert dict(exposed) == {cohort.athletes[number].pk: arm for number, arm in arms.items()}
    return arms


def adjusted_in_one_arm(
    tried: dict[int, Plan], arms: dict[int, str], travellers: list[int], version: AlgorithmVersion
) -> None:
    """Check that the candidate's arm alone plans with it, and shortens the long runs after the weeks of travel."""
    for number, plan in tried.items():
        is_candidate = arms[number] == "candidate"
        assert provenance_of(plan)["algorithm_version"] == (version.name if is_candidate else "1")
        assert is_candidate or not adjustments_of(plan)
    by_candidate = [number for number in travellers if arms[number] == "candidate"]
    shortened = [number for number in by_candidate if adjustments_of(tried[number])]
    assert 2 * len(shortened) >= len(by_candidate) > 0
    for number in shortened:
        assert_shortened(tried[number])


def assert_shortened(plan: Plan) -> None:
    """Check that the plan's one adjustment is the planted one, with its reason in words."""
    (one,) = adjustments_of(plan)
    assert (one["adjustment"], one["original"]["kind"]) == ("volume", "long")
    assert one["reason"].startswith("coaches shorten long runs by ")
    assert "after travel weeks (80 % interval" in one["reason"]
    with unit_of_work(COMMAND_LINE, read_only=True):
        session = PlanSession.objects.get(version=plan.head_version, session_id=one["session_id"])
    minutes = session.prescribed_work_json["duration_min"]
    assert 0.8 < minutes / one["original"]["prescribed_work"]["duration_min"] < 0.96  # in steps of five minutes


def promoted_plans_next(cohort: Cohort, travellers: list[int], arms: dict[int, str], version: AlgorithmVersion) -> None:
    """Have athletes of the old arm travel again: their next plan is by the new champion, and says so."""
    again = [number for number in travellers if arms[number] == "champion"]
    for number in again:
        travelling(cohort, number, at=NEXT - 7)
    with day(NEXT):
        plans = [new_plan(cohort, number) for number in again]
    assert {provenance_of(plan)["algorithm_version"] for plan in plans} == {version.name}
    assert {plan.experiment_arm for plan in plans} == {""}
    shortened = [plan for plan in plans if adjustments_of(plan)]
    assert shortened
    for plan in shortened:
        assert_shortened(plan)


def provenance_of(plan: Plan) -> dict[str, Any]:
    """Return what the machine's own version of a plan says of its making."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        found: dict[str, Any] = PlanVersion.objects.get(plan=plan, version_number=1).provenance_json
    return found


def adjustments_of(plan: Plan) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = provenance_of(plan).get("adjustments", [])
    return found


def new_plan(cohort: Cohort, number: int, weeks: int = 10) -> Plan:
    """Ask for a plan as the athlete's coach and make it at once, as the worker does."""
    athlete, coach = cohort.athletes[number], cohort.coach_of(number)
    race = "10k" if athlete.sport == "running" else "40km_tt"
    race_date = clock.today() + timedelta(days=7 * weeks + 6 - clock.today().weekday())
    wish = PlanWish(race_date=race_date, race_distance=race)
    asked = request_plan(athlete_id=athlete.pk, wish=wish, seed=number, acting_user=coach)
    plan = generate_plan(generation_id=asked.pk, acting_user=coach)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanGeneration.objects.get(pk=asked.pk).failure == ""
    return plan


def travelling(cohort: Cohort, number: int, *, at: int) -> Plan:
    """Make a plan on a Monday whose first week the coach shortens because of travel on the Tuesday."""
    with day(at):
        plan = new_plan(cohort, number)
    with day(at + 1):
        coach, sunday = cohort.coach_of(number), clock.today() + timedelta(days=6 - clock.today().weekday())
        with unit_of_work(coach, read_only=True):
            rows = PlanSession.objects.filter(version=plan.head_version, day__gt=clock.today(), day__lte=sunday)
            sessions = list(rows.exclude(kind__in=("rest", "race")).order_by("day")[:2])
        shorter = parse_patch([shorter_for_travel(one) for one in sessions])
        told = {"plan_id": plan.pk, "version_id": plan.head_version.pk, "expected": None}
        save_edits(operations=shorter, acting_user=coach, **told)
        approve(cohort, number, plan)
    return plan


def shorter_for_travel(session: PlanSession) -> dict[str, Any]:
    path = f"/sessions/{session.session_id}/prescribed_work/duration_min"
    minutes = round(session.prescribed_work_json["duration_min"] * 0.7)
    return {"op": "replace", "path": path, "value": minutes, "reason": "travel"}


def approve(cohort: Cohort, number: int, plan: Plan) -> None:
    """Submit a plan as its coach, and accept it as its athlete."""
    coach = cohort.coach_of(number)
    submit_plan(plan_id=plan.pk, expected=None, acting_user=coach)
    with unit_of_work(coach, read_only=True):
        head = Plan.objects.select_related("head_version").get(pk=plan.pk).head_version
    seen = {"version_id": head.pk, "content_sha256": head.content_sha256}
    accept_plan(plan_id=plan.pk, acting_user=cohort.users[number], rating=4, **seen)


def report(cohort: Cohort, tried: dict[int, Plan], arms: dict[int, str]) -> None:
    """Say what became of last week's sessions, in bulk."""
    rng = np.random.default_rng(clock.today().toordinal())
    whose = {plan.pk: number for number, plan in tried.items()}
    week = {"day__lt": clock.today(), "day__gte": clock.today() - timedelta(days=7)}
    with unit_of_work(COMMAND_LINE):
        rows = PlanSession.objects.filter(version__plan__in=whose, **week).exclude(kind__in=("rest", "race"))
        said = [
            completion(cohort, whose[one.version.plan_id], one, rng.random() < DONE[arms[whose[one.version.plan_id]]])
            for one in rows.select_related("version").order_by("day", "athlete_id", "title")
        ]
        SessionCompletion.objects.bulk_create(said, batch_size=500)


def completion(cohort: Cohort, number: int, session: PlanSession, done: bool) -> SessionCompletion:
    return SessionCompletion(
        plan_id=session.version.plan_id,
        athlete=cohort.athletes[number],
        session_id=session.session_id,
        day=session.day,
        status="done" if done else "skipped",
        recorded_by_id=cohort.users[number].pk,
        created_at=datetime.combine(session.day, time(20), UTC),
    )


@pytest.mark.once
def test_a_cohort_too_small_to_judge_is_refused_with_reasons_and_nothing_moves() -> None:
    models_on()
    cohort = make_cohort(replace(PLANTED, athletes=60, coaches=6, weeks=6))
    plan = travelling(cohort, 0, at=0)
    with day(START, hour=3):
        run = night()
    assert run.status == "refused"
    failed = {one["name"]: one["reason"] for one in run.gate_json["checks"] if not one["passed"]}
    assert "overrides: 6 held out, 8 are needed" in failed["evidence"]
    assert failed["evidence"] in run.message
    assert (AlgorithmVersion.objects.count(), Experiment.objects.count()) == (0, 0)
    assert versions.champion_name() == provenance_of(plan)["algorithm_version"] == "1"
    with day(START):
        assert provenance_of(new_plan(cohort, 0))["algorithm_version"] == "1"
