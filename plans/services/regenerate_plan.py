"""Generating a plan again (new data, missed sessions, another race date) without losing what the coach edited."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.preferences import today_of
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, WrongState
from common.etag import ETag
from plans.document import Conflict, Content, align, document, merge
from plans.errors import wrong_state
from plans.generation import TEMPLATE, Generated, generate_within_budget, snapshot_of
from plans.locks import lock_plan
from plans.models import Outcome, Plan, PlanGeneration, PlanVersion
from plans.pipelines import AthleteBasics, InvalidGoal, validate_goal
from plans.pipelines.contract import RaceGoal
from plans.policies import Actor
from plans.routing import Route
from plans.selectors import baseline_of, content_of
from plans.services.announce import announce
from plans.services.in_experiment import Chosen, arms_in, choose_by_arm, mark
from plans.services.request_plan import flag_json, routed_for, take_slot
from plans.services.save_edits import checked_head
from plans.services.store_plan import entry_of, frame_of
from plans.services.tell_generation import tell_settled
from plans.services.versions import Frame, Lineage, move_head, store_version
from plans.services.what_if import goal_of, predicted_of
from plans.workflow import Action, NotPossible, State, next_state
from rollout.evaluation import Decision


@dataclass(frozen=True)
class Regenerated:
    """The plan's new head, and what edits and machine disagree about (ours was kept)."""

    plan: Plan
    version: PlanVersion
    conflicts: tuple[Conflict, ...]


def regenerate_plan(
    *,
    plan_id: UUID,
    expected: frozenset[ETag] | None,
    race_date: date | None = None,
    goal_seconds: float | None = None,
    seed: int | None = None,
    acting_user: Actor,
) -> Regenerated:
    """Generate from today's data and merge by session: old baseline, edited plan, new baseline.

    The machine's proposal is stored as a version of its own (the new baseline), the merge as the next one. Sessions
    before today stay as they were.

    Raises:
        NotVisible, NotPermitted, StaleVersion, WrongState: as for saving edits; also where the plan's pipeline may not
            answer now.
        InvalidInput: the race date or goal cannot be planned for.
        LimitReached: five generations a day for a user and an athlete (G7).
    """
    with unit_of_work(acting_user):
        plan = lock_plan(acting_user, Action.REGENERATE, plan_id, with_athlete=True)
        head = checked_head(plan, None, expected)
        try:
            state = next_state(plan.state, Action.REGENERATE, has_active=plan.active_version_id is not None)
        except NotPossible as error:
            raise wrong_state(error) from error
        old_race_day = plan.race_date.isoformat()
        goal = _goal(plan, race_date, goal_seconds)
        generated, provenance = _generate(plan, goal, seed, acting_user)
        return _merged(plan, head, state, generated, provenance, old_race_day, acting_user)


def _goal(plan: Plan, race_date: date | None, goal_seconds: float | None) -> RaceGoal:
    """Return the goal, with the plan's head brought in line with it."""
    goal = goal_of(plan)
    goal = replace(goal, race_date=race_date or goal.race_date, goal_seconds=goal_seconds or goal.goal_seconds)
    athlete = plan.athlete
    try:
        validate_goal(goal, today=today_of(athlete), athlete=AthleteBasics(athlete.sport, athlete.level, athlete.sex))
    except InvalidGoal as error:
        raise InvalidInput(error.detail, pointer=f"/{error.field}") from error
    plan.race_date, plan.goal_seconds = goal.race_date, goal.goal_seconds
    return goal


def _generate(plan: Plan, goal: RaceGoal, seed: int | None, acting_user: Actor) -> tuple[Generated, PlanGeneration]:
    routed, decision = _route_again(plan)
    generation = PlanGeneration(
        athlete=plan.athlete,
        plan=plan,
        requested_by_id=actor_id(acting_user),
        day=today_of(plan.athlete),
        goal_json={
            "race_date": goal.race_date.isoformat(),
            "race_distance": goal.race,
            "goal_seconds": goal.goal_seconds,
            "available_days": sorted(goal.available_days),
        },
        routed_to=routed.pipeline,
        routing_reason=routed.reason,
        flag_json=flag_json(decision, chosen=True),  # the plan keeps its pipeline: chance has no part in it
        seed=secrets.randbelow(2**31) if seed is None else seed,
    )
    take_slot(generation, limited=seed is None)
    chosen = _same_arms(plan, generation)
    generated = generate_within_budget(
        generation.routed_to,
        snapshot_of(plan.athlete, generation.day, chosen.algorithm, weeks_behind=_weeks_behind(plan, generation.day)),
        goal,
        seed=generation.seed,
        budget_seconds=settings.GENERATION_TIME_BUDGET_SECONDS,
    )
    generation.pipeline = generated.pipeline
    generation.outcome = Outcome.FALLBACK if generated.failure else Outcome.OK
    generation.failure, generation.latency_ms = generated.failure or generated.trouble, generated.latency_ms
    generation.settled_at = clock.now()
    generation.save()
    mark(plan, generation, chosen.arms)
    tell_settled(generation, generated.plan.provenance)
    return generated, generation


def _weeks_behind(plan: Plan, today: date) -> int:
    """Return the weeks of the plan that are over: its weeks are numbered through, whoever made them."""
    monday = (today - timedelta(days=today.weekday())).isoformat()
    return sum(week["monday"] < monday for week in plan.head_version.weeks_json) if plan.head_version else 0


def _same_arms(plan: Plan, generation: PlanGeneration) -> Chosen:
    """Let the arms that made the plan choose again, while they hold; no plan gets into an experiment half-way."""
    if not plan.experiment_arm:
        return choose_by_arm(generation, only=())
    requests = PlanGeneration.objects.filter(plan=plan).exclude(pk=generation.pk)
    first, last = requests.order_by("id").first(), requests.order_by("id").last()
    generation.wish = first.wish if first else ""
    return choose_by_arm(generation, only=arms_in(last.experiment_json) if last else ())


def _route_again(plan: Plan) -> tuple[Route, Decision]:
    """Return the pipeline that made the plan: nobody is switched in mid-plan.

    Raises:
        NotPermitted, WrongState: the athlete's tier, or the flag, does not let that pipeline answer now; the plan
            stands.
    """
    routed, decision = routed_for(plan.athlete, "")
    if plan.pipeline == TEMPLATE:
        return Route(TEMPLATE, "asked_for"), decision
    if routed.pipeline == TEMPLATE and routed.reason != "setting_off":
        why = routed.reason.removeprefix("flag_").replace("_", " ")
        raise WrongState(f"Model-driven plans are off for this athlete now ({why}); the plan stands as it is.")
    return routed, decision


def _merged(
    plan: Plan,
    head: PlanVersion,
    state: State,
    generated: Generated,
    generation: PlanGeneration,
    old_race_day: str,
    acting_user: Actor,
) -> Regenerated:
    today, author = today_of(plan.athlete).isoformat(), actor_id(acting_user)
    old_baseline = baseline_of(head)
    base, mine = content_of(old_baseline), content_of(head)
    sessions = [session for week in generated.plan.weeks for session in week.sessions]
    made = document((session.session_id, entry_of(session)) for session in sessions)
    proposed = align(_since(base, today), made, race_day=old_race_day, new_race_day=plan.race_date.isoformat())
    names = dict(zip(made["sessions"], proposed["sessions"], strict=True))
    past = _before(mine, today)
    new_base = {"sessions": past["sessions"] | proposed["sessions"]}
    frame = _renamed(_framed(frame_of(generation, generated), head, today), names)
    baseline, _ = store_version(
        plan,
        new_base,
        frame,
        status=State.GENERATED,
        author_id=author,
        lineage=Lineage(old_baseline, base, None, new_base),
    )
    found = merge(_since(base, today), _since(mine, today), proposed)
    content = {"sessions": past["sessions"] | found.content["sessions"]}
    plan.pipeline = generated.pipeline
    version, summary = store_version(
        plan,
        content,
        replace(frame, predicted=predicted_of(plan, baseline, new_base, content)),
        status=state,
        author_id=author,
        lineage=Lineage(head, mine, baseline.pk, new_base),
    )
    move_head(plan, version, state)
    details = {
        "parent_version_id": str(head.pk),
        "baseline_id": str(baseline.pk),
        "pipeline": generated.pipeline,
        "conflicts": len(found.conflicts),
        "sessions": summary.sessions,
    }
    announce(plan, version, Action.REGENERATE, details=details)
    return Regenerated(plan, version, found.conflicts)


def _since(content: Content, day: str) -> Content:
    return {"sessions": {key: entry for key, entry in content["sessions"].items() if entry["day"] >= day}}


def _before(content: Content, day: str) -> Content:
    return {"sessions": {key: entry for key, entry in content["sessions"].items() if entry["day"] < day}}


def _framed(frame: Frame, head: PlanVersion, today: str) -> Frame:
    """Return the new weeks after those of the old plan that are past, numbered through."""
    first = frame.weeks[0]["monday"] if frame.weeks else today
    past = [week for week in head.weeks_json if week["monday"] < first]
    weeks = [week | {"number": number} for number, week in enumerate([*past, *frame.weeks], start=1)]
    return replace(frame, weeks=weeks)


def _renamed(frame: Frame, names: Mapping[str, str]) -> Frame:
    """Return the frame with its adjustments under the ids that their sessions go on under."""
    if "adjustments" not in frame.provenance:
        return frame
    found = [one | {"session_id": names[one["session_id"]]} for one in frame.provenance["adjustments"]]
    return replace(frame, provenance=frame.provenance | {"adjustments": found})


def conflicts_as_json(conflicts: tuple[Conflict, ...]) -> list[dict[str, Any]]:
    """Return conflicts by session with baseline, mine and new."""
    return [asdict(conflict) for conflict in conflicts]
