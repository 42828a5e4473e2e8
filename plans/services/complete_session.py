"""What became of a planned session: said by the athlete, or matched by itself to an imported activity.

Either way the load counts once. What the athlete says before any import makes a placeholder in their history; an
import of the same session replaces it (as the richer record of one activity, or by taking its place).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from accounts.models import Athlete
from accounts.preferences import today_of
from accounts.scope import athlete_for
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput
from common.ids import uuid7
from common.keys import encrypt_for
from modeling.history.checks import BadValue, make_activity
from modeling.models import Activity
from modeling.services.corrections import delete_row
from modeling.services.import_history import add_activities
from plans.models import CompletionStatus, PlanSession, SessionCompletion
from plans.policies import Actor
from plans.schedule import active_sessions, newest_completions
from plans.services.announce import telemetry_data
from plans.workouts import published_session
from telemetry.services import emit

PLACEHOLDER = "said by the athlete"
DONE_SHARE = 0.8
"""Share of the planned minutes from which on an imported activity is the session done; a shorter one is partly."""


def complete_session(
    *,
    session_id: UUID,
    status: str,
    duration_min: float | None = None,
    distance_km: float | None = None,
    rpe: int | None = None,
    note: str = "",
    acting_user: Actor,
) -> SessionCompletion:
    """Store what became of a session; the newest word counts, earlier ones stay.

    Raises:
        NotVisible: no such session of a published plan in the user's scope.
        NotPermitted: visible, but the role may not add to the athlete's history.
        InvalidInput: a session to come, or a value that is absurd.
    """
    if status not in CompletionStatus.values:
        raise InvalidInput(f"status must be one of {', '.join(CompletionStatus.values)}.", pointer="/status")
    if rpe is not None and not 0 <= rpe <= 10:
        raise InvalidInput("RPE is a number from 0 to 10 (Borg CR10).", pointer="/rpe")
    with unit_of_work(acting_user):
        session = published_session(acting_user, session_id)
        athlete = athlete_for(acting_user, "history:import", session.athlete_id, lock=True)
        if session.day > today_of(athlete):
            raise InvalidInput("This session is still to come.", pointer="/session_id")
        activity, is_placeholder = None, False
        if status != CompletionStatus.SKIPPED:
            activity, is_placeholder = _activity(athlete, session, duration_min, distance_km, acting_user)
        else:
            _drop_placeholder(athlete, session, acting_user)
        return _store(
            athlete,
            session,
            acting_user,
            status=status,
            duration_min=duration_min,
            distance_km=distance_km,
            rpe=rpe,
            note=encrypt_for(athlete.pk, note) if note else None,
            activity=activity,
            is_placeholder=is_placeholder,
        )


def match_imports(athlete: Athlete, activities: list[Activity], acting_user: Actor) -> None:
    """Match new activities to planned sessions of their day and sport, the one of nearest duration each."""
    days = {row.day for row in activities if row.source_name != PLACEHOLDER}
    if not days:
        return
    sessions = list(active_sessions(athlete.pk).filter(day__in=days).exclude(kind="rest"))
    said = newest_completions(athlete.pk, [session.session_id for session in sessions])
    open_ = [s for s in sessions if s.session_id not in said or said[s.session_id].is_placeholder]
    for activity in sorted(activities, key=lambda row: -row.duration_s):
        session = _nearest(activity, open_) if activity.source_name != PLACEHOLDER else None
        if session is None:
            continue
        open_.remove(session)
        _drop_placeholder(athlete, session, acting_user)
        planned = float(session.prescribed_work_json.get("duration_min") or 0.0)
        enough = activity.duration_s / 60 >= DONE_SHARE * planned
        earlier = said.get(session.session_id)
        _store(
            athlete,
            session,
            acting_user,
            status=CompletionStatus.DONE if enough else CompletionStatus.PARTLY,
            duration_min=round(activity.duration_s / 60, 1),
            distance_km=round(activity.distance_m / 1000, 2) if activity.distance_m else None,
            rpe=earlier.rpe if earlier else None,
            note=earlier.note if earlier else None,
            activity=activity,
            is_placeholder=False,
            matched=True,
        )


def _activity(
    athlete: Athlete,
    session: PlanSession,
    duration_min: float | None,
    distance_km: float | None,
    acting_user: Actor,
) -> tuple[Activity | None, bool]:
    """Return the activity of the session: one that was imported and stands for no other, else a placeholder."""
    same_day = Activity.objects.filter(athlete=athlete, day=session.day, deleted_at=None, sport=session.modality)
    taken = SessionCompletion.objects.filter(athlete=athlete, activity__isnull=False).exclude(
        session_id=session.session_id
    )
    imported = same_day.exclude(source_name=PLACEHOLDER).exclude(pk__in=taken.values("activity")).first()
    _drop_placeholder(athlete, session, acting_user)
    if imported is not None:
        return imported, False
    planned = float(session.prescribed_work_json.get("duration_min") or 0.0)
    minutes = duration_min if duration_min is not None else planned
    if minutes <= 0 or session.modality not in ("running", "cycling"):
        return None, False
    share = minutes / planned if planned else 1.0
    try:
        parsed = make_activity(
            source_name=PLACEHOLDER,
            sport=session.modality,  # type: ignore[arg-type]
            day=session.day,
            duration_s=minutes * 60,
            distance_m=distance_km * 1000 if distance_km else None,
            load=round(session.load * share, 1),
            load_unit="TSS",
            load_source="column",
        )
    except BadValue as error:
        raise InvalidInput(str(error), pointer="/duration_min") from error
    _, rows = add_activities(athlete_id=athlete.pk, activities=[parsed], acting_user=acting_user)
    return (rows[0], True) if rows else (None, False)


def _drop_placeholder(athlete: Athlete, session: PlanSession, acting_user: Actor) -> None:
    """Take the session's placeholder, if it has one, out of the history: something better is known now."""
    earlier = newest_completions(athlete.pk, [session.session_id]).get(session.session_id)
    if earlier is None or not earlier.is_placeholder or earlier.activity is None:
        return
    if earlier.activity.deleted_at is None and earlier.activity.source_name == PLACEHOLDER:
        reason = "Said again, or imported: this was a placeholder."
        delete_row(kind="activity", row_id=earlier.activity.pk, reason=reason, acting_user=acting_user)


def _nearest(activity: Activity, sessions: Sequence[PlanSession]) -> PlanSession | None:
    fitting = [s for s in sessions if s.day == activity.day and s.modality == activity.sport]
    minutes = activity.duration_s / 60
    return min(
        fitting,
        key=lambda s: abs(float(s.prescribed_work_json.get("duration_min") or 0.0) - minutes),
        default=None,
    )


def _store(
    athlete: Athlete, session: PlanSession, acting_user: Actor, *, matched: bool = False, **fields: object
) -> SessionCompletion:
    plan, version = session.version.plan, session.version
    # The athlete is locked: what was said before is there, though maybe by a process whose clock is ahead of ours.
    earlier = newest_completions(athlete.pk, [session.session_id]).get(session.session_id)
    completion = SessionCompletion.objects.create(
        id=uuid7(after=earlier.pk if earlier else None),
        plan=plan,
        athlete=athlete,
        session_id=session.session_id,
        day=session.day,
        recorded_by_id=actor_id(acting_user),
        **fields,  # type: ignore[misc]
    )
    metadata = {
        "session_id": str(session.session_id),
        "status": str(completion.status),
        "completion_id": str(completion.pk),
        "activity_id": str(completion.activity_id) if completion.activity_id else None,
        "matched": matched,
    }
    record("session.complete", target_id=plan.pk, subject_id=athlete.pk, metadata=metadata)
    data = {
        "session_id": str(session.session_id),
        "status": str(completion.status),
        "rpe": completion.rpe,
        "day": session.day.isoformat(),
    }
    emit("session.completed", aggregate_id=plan.pk, data={**telemetry_data(plan, version), **data})
    return completion
