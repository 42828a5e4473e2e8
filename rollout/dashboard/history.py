"""What a run has seen and done: charts, usage, reports, overrides, events, rollbacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext

from accounts.directory import user_names
from common.charts import Chart
from common.translating.showing import number, shown
from rollout.dashboard.overrides import OverrideRow, overrides_of
from rollout.dashboard.run import RunNow
from rollout.dashboard.series import Axis, Minute, axis_over, charts_of, total
from rollout.dashboard.words import count, moment, share
from rollout.gates.evidence import Arm, Tally
from rollout.lifecycle import Command
from rollout.models import Incident, OutcomeMinute, Rollout, RolloutStep
from rollout.whys import SERVICE, service_name, step_name, told, why_of

LONGEST: Final = timedelta(days=14)
SPANS: Final = (("2h", "2 hours, 5 min average"), ("stage", "This stage"), ("run", "Whole run"))
SHOWN: Final = 8
ICONS: Final[dict[str, str]] = {
    Command.ADVANCE: "trending_up",
    Command.START: "play_circle",
    Command.HOLD: "hourglass_top",
    Command.RELEASE: "play_circle",
    Command.PAUSE: "pause_circle",
    Command.RESUME: "play_circle",
    Command.STEP_BACK: "undo",
    Command.ROLLBACK: "undo",
    Command.APPROVE: "group",
    Command.COMPLETE: "check",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole: its kind is a colour, `share` in per cent."""

    name: str
    kind: str
    number: str
    share: float


@dataclass(frozen=True, slots=True)
class Event:
    at: str
    icon: str
    what: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class RollbackRow:
    at: str
    what: str
    why: str
    incident_id: UUID | None


@dataclass(frozen=True, slots=True)
class Reports:
    """Critical reports of an arm: how many, and of how many subjects."""

    arm: str
    number: int
    subjects: str
    rate: str


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Everything below the fold; `newest` is the newest minute that is counted."""

    charts: tuple[Chart, ...]
    span: str
    spans: tuple[tuple[str, str], ...]
    usage: tuple[Part, ...]
    answered: str
    reports: tuple[Reports, ...]
    overrides: tuple[OverrideRow, ...]
    overrides_in_all: int
    events: tuple[Event, ...]
    rollbacks: tuple[RollbackRow, ...]
    newest: str
    has_outcomes: bool


def run_history(now: RunNow, user: Any, *, chosen: str = "stage") -> RunHistory:
    """Return the lower part of a run's page over one of `SPANS`; eight queries whatever the rows."""
    run = now.run
    axis = _axis(run, now.at, chosen)
    with_day_before = minutes_between(run, axis.start - timedelta(days=1), axis.end)
    minutes = [minute for minute in with_day_before if minute.at >= axis.start]
    tallies = {arm: total(minute.of(arm) for minute in minutes) for arm in Arm}
    steps = list(run.steps.order_by("-number")[: SHOWN + 4])
    names = user_names({step.actor_id for step in steps if step.actor_id})
    rows, in_all = overrides_of(run.flag, user, now.at, shown=SHOWN)
    return RunHistory(
        charts=charts_of(with_day_before, axis, now.policy.gates_of(now.stage)) if minutes else (),
        span=chosen,
        spans=tuple((name, shown(label)) for name, label in SPANS),
        usage=_usage(tallies),
        answered=count(sum(tally.answered for tally in tallies.values())),
        reports=tuple(_reports(arm, tallies[arm]) for arm in Arm),
        overrides=rows,
        overrides_in_all=in_all,
        events=tuple(event_of(step, now.policy.stages, names) for step in steps),
        rollbacks=_rollbacks(run),
        newest=moment(minutes[-1].at) if minutes else "",
        has_outcomes=bool(minutes),
    )


def minutes_between(run: Rollout, start: datetime, end: datetime) -> list[Minute]:
    """Return the run's minutes in a time, in order; one query."""
    rows = OutcomeMinute.objects.filter(rollout=run, minute__gte=start, minute__lt=end)
    found = rows.order_by("minute", "stage").values_list("minute", "new_json", "control_json")
    return [Minute(at, new, control) for at, new, control in found]


def _axis(run: Rollout, at: datetime, chosen: str) -> Axis:
    end = min(at, run.ended_at or at)
    begun = run.stage_entered_at or run.starts_at
    if chosen == "2h":
        begun = end - timedelta(hours=2)
    elif chosen == "run":
        begun = run.starts_at
    return axis_over(max(begun, end - LONGEST), max(end, begun + timedelta(minutes=5)))


def _usage(tallies: dict[Arm, Tally]) -> tuple[Part, ...]:
    new, control = tallies[Arm.NEW], tallies[Arm.CONTROL]
    parts = [
        (gettext("New pipeline"), "new", new.answered - new.fallback),
        (gettext("Fell back to the other"), "fell", new.fallback),
        (gettext("Control"), "control", control.answered),
    ]
    whole = sum(number for _, _, number in parts)
    return tuple(Part(name, kind, count(n), round(100 * n / whole, 1)) for name, kind, n in parts) if whole else ()


def _reports(arm: Arm, tally: Tally) -> Reports:
    rate = share(tally.critical_reporters / tally.subjects, 2) if tally.subjects and tally.critical else ""
    return Reports(
        gettext("New") if arm is Arm.NEW else gettext("Control"), tally.critical, count(tally.subjects), rate
    )


def event_of(step: RolloutStep, stages: Sequence[Any], names: dict[UUID, str]) -> Event:
    """Return a step as a line of a timeline."""
    name = step_name(step.command)
    what = name[:1].upper() + name[1:]
    if step.from_stage != step.to_stage:
        moved = {"before": step.from_stage + 1, "after": step.to_stage + 1}
        what += gettext(": stage %(before)s → %(after)s") % moved
        if max(step.from_stage, step.to_stage) < len(stages):
            what += f" ({number(stages[step.to_stage].percentage)} %)"
    elif step.command == "extend":
        what = gettext("Stage extended")
    elif step.command == "restart":
        what = gettext("A fresh full window began")
    who = names.get(step.actor_id) if step.actor_id else None
    return Event(
        moment(step.at), ICONS.get(step.command, "update"), what, who or service_name(step.actor), why_of(step)
    )


def _rollbacks(run: Rollout) -> tuple[RollbackRow, ...]:
    """Return the newest rollbacks of this flag, whole and partial, with their reasons and incidents."""
    undone = [Command.ROLLBACK.value, Command.STEP_BACK.value]
    steps = RolloutStep.objects.filter(rollout__flag=run.flag_id, command__in=undone).order_by("-at")[:SHOWN]
    rows = list(steps.values_list("rollout_id", "at", "command", "from_stage", "to_stage", "why", "actor"))
    found = Incident.objects.filter(rollout__in={row[0] for row in rows}).values_list("rollout_id", "pk")
    incidents = dict(found) if rows else {}
    return tuple(
        RollbackRow(
            at=moment(at),
            what=_undone(start + 1, None if command == Command.ROLLBACK else end + 1),
            why=told(why) if actor.startswith(SERVICE) else why,
            incident_id=incidents.get(rollout_id) if command == Command.ROLLBACK else None,
        )
        for rollout_id, at, command, start, end, why, actor in rows
    )


def _undone(start: int, end: int | None) -> str:
    if end is None:
        return gettext("Stage %(before)s → 0 %%") % {"before": start}
    return gettext("Stage %(before)s → stage %(after)s") % {"before": start, "after": end}


def run_number(run: Rollout) -> int:
    """Return which run of its flag this is, from 1."""
    return Rollout.objects.filter(flag=run.flag_id, pk__lte=run.pk).count()
