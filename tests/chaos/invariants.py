"""What must hold of the tables once the dust has settled: each a function that names what does not.

Run inside a unit of work that may see everything. Each returns one line a violation.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from django.db.models import Count, F, Q
from simple_history.utils import get_history_manager_for_model

from common.jobs import MAX_ATTEMPTS, Job, JobState
from common.models import IdempotencyKey
from modeling.models import Activity
from plans.document import content_sha256, parsed
from plans.models import (
    Outcome,
    Plan,
    PlanComment,
    PlanContent,
    PlanGeneration,
    PlanReview,
    PlanSession,
    PlanVersion,
    PlanVersionChange,
    SessionCompletion,
    State,
)
from plans.services.request_plan import JOB_KIND
from plans.workflow import TABLE, Action
from rollout.lifecycle import EXPOSING, Command, NotPossible, next_state
from rollout.lifecycle import State as RolloutState
from rollout.models import Approval, Rollout, RolloutStep
from rollout.services.steps import EXTEND, RESTART
from telemetry.models import OutboxEvent
from tests.chaos.ledger import Outcome as Told
from tests.chaos.ledger import Write, of_kind

DECISIONS = {"submit": "submit", "accept": "accept", "request_changes": "request_changes"}


# --- what clients were told -------------------------------------------------------------------------------------------
def acknowledged_writes_are_there(writes: Sequence[Write]) -> list[str]:
    """Every write whose success was acknowledged has its row."""
    return [f"{write.kind} {write.key} is lost: {write.facts}" for write in writes if _is_missing(write)]


def writes_took_effect_once(writes: Sequence[Write]) -> list[str]:
    """No write is there twice, also where it was sent again or its answer never came; none that was refused is there.

    A write whose answer never came may be there or not.
    """
    found = []
    for write in writes:
        there = _effects(write)
        if there is None:
            continue
        if there > 1 or (there and write.outcome is Told.REFUSED and write.attempts == 1):
            found.append(f"{write.kind} {write.key} ({write.outcome}) is there {there} times: {write.facts}")
    return found


def answers_are_kept_whole(writes: Sequence[Write]) -> list[str]:
    """A key's row is committed together with its answer, never without one."""
    halves = IdempotencyKey.objects.filter(Q(response_status=None) | Q(response_body=None) | ~Q(status="done"))
    return [f"the key {row.key} of {row.method} {row.path} has no answer" for row in halves]


def later_words_count(writes: Sequence[Write]) -> list[str]:
    """Of what was said of a session and acknowledged, the last counts: its id is the greatest, whoever's clock made it.

    A session is its athlete's alone, who says one thing after the other: the order of answers is the order of words.
    """
    words: dict[Any, list[Write]] = defaultdict(list)
    for write in of_kind(writes, "completion"):
        words[write.facts["session_id"], write.facts["athlete_id"]].append(write)
    return [
        f"the last word on session {session_id} is outranked by an earlier one: {said[-1].facts}"
        for (session_id, _), said in words.items()
        if max(write.facts["id"] for write in said) != said[-1].facts["id"]
    ]


def _is_missing(write: Write) -> bool:
    if write.outcome is not Told.ACKNOWLEDGED:
        return False
    facts = write.facts
    if write.kind == "edit":
        names = {"pk": facts["id"], "plan_id": facts["plan_id"], "version_number": facts["version_number"]}
        return not PlanVersion.objects.filter(**names, content_sha256=facts["content_sha256"]).exists()
    if write.kind in DECISIONS:
        rows = PlanReview.objects.filter(decision=DECISIONS[write.kind], reviewer_id=write.user_id)
        return not rows.filter(plan_id=facts["plan_id"], version_id=facts["version_id"]).exists()
    if write.kind == "comment":
        return not PlanComment.objects.filter(pk=facts["id"]).exists()
    if write.kind == "completion":
        return not SessionCompletion.objects.filter(pk=facts["id"], duration_min=facts["duration_min"]).exists()
    if write.kind == "generation":
        return not Job.objects.filter(pk=facts["job_id"]).exists()
    return _effects(write) == 0


def _effects(write: Write) -> int | None:
    """Return how often a write is there by the mark that it alone carries; None where it carries none."""
    facts = write.facts
    match write.kind:
        case "edit":
            return PlanVersionChange.objects.filter(new_value=facts["note"]).count()
        case "completion":
            names = ("athlete_id", "session_id", "duration_min")
            rows = SessionCompletion.objects.filter(**{name: facts[name] for name in names})
            return rows.filter(Q(activity=None) | Q(is_placeholder=True)).count()
        case "import":
            return Activity.objects.filter(athlete_id=facts["athlete_id"], duration_s=facts["duration_s"]).count()
        case "generation":
            return PlanGeneration.objects.filter(job_id=facts["job_id"]).count() if facts["job_id"] else None
        case "rollout step":
            return RolloutStep.objects.filter(rollout_id=facts["rollout_id"], why__contains=write.key).count()
        case "approval":
            return Approval.objects.filter(pk=facts["approval_id"], approved=True, comment=write.key).count()
    return None


# --- plans ------------------------------------------------------------------------------------------------------------
def no_half_plan(writes: Sequence[Write]) -> list[str]:
    """A plan has a head version of its own, and each version its document, hashed as it says, and a row a session."""
    found = [f"plan {pk} has no head" for pk in Plan.objects.filter(head_version=None).values_list("pk", flat=True)]
    for name in ("head_version", "active_version"):
        foreign = Plan.objects.exclude(**{name: None}).exclude(**{f"{name}__plan_id": F("pk")})
        found += [f"plan {plan.pk} has another plan's {name}" for plan in foreign]
    documents = dict(PlanContent.objects.values_list("version_id", "document"))
    rows = dict(PlanSession.objects.values("version_id").annotate(n=Count("pk")).values_list("version_id", "n"))
    for pk, sha256 in PlanVersion.objects.values_list("pk", "content_sha256"):
        text = documents.get(pk)
        if text is None:
            found.append(f"version {pk} has no content")
        elif hashlib.sha256(text.encode()).hexdigest() != sha256 or content_sha256(parsed(text)[0]) != sha256:
            found.append(f"version {pk} is not what its hash says")
        elif len(parsed(text)[0]["sessions"]) != rows.get(pk, 0):
            found.append(f"version {pk} has {rows.get(pk, 0)} rows of {len(parsed(text)['sessions'])} sessions")
    return found


def no_orphan_version(writes: Sequence[Write]) -> list[str]:
    """Versions of a plan are numbered from 1 without a gap, each made from an earlier one of the same plan."""
    found, numbers = [], defaultdict[Any, list[int]](list)
    columns = ("pk", "plan_id", "version_number", "parent_version__plan_id", "parent_version__version_number")
    for pk, plan_id, number, parent_plan, parent_number in PlanVersion.objects.values_list(*columns):
        numbers[plan_id].append(number)
        if number > 1 and (parent_plan != plan_id or parent_number >= number):
            found.append(f"version {pk} ({number} of plan {plan_id}) has no parent in its plan")
    for plan_id, given in numbers.items():
        if sorted(given) != list(range(1, len(given) + 1)):
            found.append(f"plan {plan_id} has versions {sorted(given)}")
    return found


def plan_states_are_legal(writes: Sequence[Write]) -> list[str]:
    """A head moved by the state table alone, as its history tells in the order of its lock."""
    found, past = [], defaultdict[Any, list[tuple[int, str]]](list)
    history = get_history_manager_for_model(Plan)
    for pk, lock, status in history.order_by("lock_version").values_list("id", "lock_version", "status"):
        past[pk].append((lock, status))
    for plan in Plan.objects.all():
        steps = past[plan.pk]
        for (_, before), (lock, after) in pairwise(steps):
            if before != after and (State(before), State(after)) not in _LEGAL:
                found.append(f"plan {plan.pk} went from {before} to {after} at {lock}")
        if not steps or steps[-1] != (plan.lock_version, plan.status):
            found.append(f"plan {plan.pk} is {plan.status} at {plan.lock_version}; its history ends with {steps[-1:]}")
        if plan.status == State.PUBLISHED and plan.active_version_id is None:
            found.append(f"plan {plan.pk} is published and has no active version")
    return found


_LEGAL = {(before, after) for (before, _), after in TABLE.items()}
# Accepting approves and publishes in one transaction; withdrawing a revision restores what is published.
_LEGAL |= {(State.COACH_REVIEWED, State.PUBLISHED)}
_LEGAL |= {(before, State.PUBLISHED) for (before, action) in TABLE if action is Action.WITHDRAW}


# --- jobs -------------------------------------------------------------------------------------------------------------
def jobs_have_ended(writes: Sequence[Write]) -> list[str]:
    """Each job is done or has failed, within its attempts."""
    open_ = Job.objects.exclude(state__in=[JobState.DONE, JobState.FAILED])
    found = [f"{job.kind} {job.pk} is {job.state} ({job.attempts} attempts)" for job in open_]
    return found + [f"{job.pk} was tried {job.attempts} times" for job in Job.objects.filter(attempts__gt=MAX_ATTEMPTS)]


def generations_have_one_plan(writes: Sequence[Write]) -> list[str]:
    """A request for a plan that is done has its plan and no other; one that failed has none and says so."""
    found = []
    jobs = {job.pk: job for job in Job.objects.filter(kind=JOB_KIND)}
    for row in PlanGeneration.objects.exclude(job_id=None):
        job = jobs.get(row.job_id)
        if job is None:
            found.append(f"generation {row.pk} has no job")
        elif job.state == JobState.DONE and (job.result or {}).get("plan_id") != str(row.plan_id):
            found.append(f"generation {row.pk}: the job names {job.result}, the row plan {row.plan_id}")
        elif job.state == JobState.FAILED and row.outcome not in (Outcome.FAILED, Outcome.OK, Outcome.FALLBACK):
            found.append(f"generation {row.pk} is {row.outcome}, its job failed")
    made = set(PlanGeneration.objects.exclude(plan=None).values_list("plan_id", flat=True))
    found += [
        f"plan {pk} belongs to no request" for pk in Plan.objects.exclude(pk__in=made).values_list("pk", flat=True)
    ]
    twice = PlanGeneration.objects.exclude(plan=None).values("plan_id").annotate(n=Count("pk")).filter(n__gt=1)
    return found + [f"plan {row['plan_id']} answers {row['n']} requests" for row in twice]


# --- rollouts ---------------------------------------------------------------------------------------------------------
def rollouts_are_legal(writes: Sequence[Write]) -> list[str]:
    """A run's steps are numbered without a gap, each possible where the one before led, and end where the run is."""
    found = []
    for run in Rollout.objects.select_related("flag"):
        steps = list(run.steps.order_by("number"))
        if [step.number for step in steps] != list(range(1, run.version + 1)):
            found.append(f"run {run.pk} is at step {run.version}; there are {[step.number for step in steps]}")
        state, stage = RolloutState.DRAFT, 0
        for step in steps:
            if (step.from_state, step.from_stage) != (state, stage) or not _is_possible(step):
                found.append(f"run {run.pk}: {step.command} from {step.from_state} to {step.to_state} is not possible")
            state, stage = RolloutState(step.to_state), step.to_stage
        if (run.state, run.stage) != (state, stage):
            found.append(f"run {run.pk} is {run.state} at {run.stage}; its steps end {state} at {stage}")
        found += _flag_of(run)
    return found


def _is_possible(step: RolloutStep) -> bool:
    if step.command in (EXTEND, RESTART):
        return step.from_state == step.to_state
    try:
        return next_state(RolloutState(step.from_state), Command(step.command)) == step.to_state
    except NotPossible:
        return False


def _flag_of(run: Rollout) -> list[str]:
    """A flag under a live run is where the run's stage is."""
    from rollout.runs import policy_of

    if RolloutState(run.state) not in EXPOSING or run.flag.killed_at is not None:
        return []
    wanted = policy_of(run).stages[run.stage].thousandths
    there = run.flag.rollout_thousandths
    return [] if there == wanted else [f"flag {run.flag.name} is at {there}, its run's stage at {wanted}"]


# --- events -----------------------------------------------------------------------------------------------------------
def every_version_was_told_of(writes: Sequence[Write]) -> list[str]:
    """Each version of each plan has its event in the outbox: the aggregate's sequence has no gap."""
    told: set[tuple[Any, int]] = set()
    rows = OutboxEvent.objects.filter(type__in=("plan.generated", "plan.version.updated"))
    for aggregate_id, data in rows.values_list("aggregate_id", "data"):
        told.add((aggregate_id, data["data"]["version_number"]))
    versions = PlanVersion.objects.values_list("plan_id", "version_number")
    return [
        f"version {number} of plan {plan_id} has no event"
        for plan_id, number in versions
        if (plan_id, number) not in told
    ]


def outbox_is_empty(writes: Sequence[Write]) -> list[str]:
    """Every event has been published."""
    waiting = OutboxEvent.objects.filter(published_at=None)
    return [f"{row.type} {row.pk} waits ({row.attempts} attempts)" for row in waiting]


Invariant = Callable[[Sequence[Write]], list[str]]
INVARIANTS: tuple[Invariant, ...] = (
    acknowledged_writes_are_there,
    writes_took_effect_once,
    answers_are_kept_whole,
    later_words_count,
    no_half_plan,
    no_orphan_version,
    plan_states_are_legal,
    jobs_have_ended,
    generations_have_one_plan,
    rollouts_are_legal,
    every_version_was_told_of,
    outbox_is_empty,
)
