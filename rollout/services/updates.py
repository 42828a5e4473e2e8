"""Which messages stakeholders get, and when (J6): daily, at each step, at each incident, weekly, and at the end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from common.context import unit_of_work
from rollout.lifecycle import ENDED, LIVE, Command
from rollout.messages import render
from rollout.messages.view import Ended, StepLine, Text, Week
from rollout.models import Incident, MessageGroup, MessageKind, Rollout, RolloutStep
from rollout.runs import policy_of, reads
from rollout.services.messages import TELLER, tell
from rollout.status import incident_view, incidents_in, reports_in, status_of, step_line

_G = MessageGroup
TOLD: Final = frozenset(
    {Command.START, Command.ADVANCE, Command.STEP_BACK, Command.ROLLBACK, Command.CONFIRM, Command.COMPLETE}
)
"""Steps that are told at once; holding, pausing and their ends stand in the daily status."""


def tell_step(*, rollout: Rollout, step: RolloutStep) -> None:
    """Tell the team of a step in the transaction that takes it, and everybody how a run ended.

    Raises:
        NoContext: no writable unit of work is open.
    """
    command = Command(step.command)
    if command not in TOLD:
        return
    text = render.step_completed(step_line(step, policy_of(rollout)), status_of(rollout, step.at))
    _tell(MessageKind.STEP_COMPLETED, f"step:{rollout.pk}:{step.number}", (_G.TEAM,), text, rollout=rollout)
    if rollout.state in ENDED:
        report = render.post_rollout_report(ended_run(rollout))
        groups = (_G.TEAM, _G.STAKEHOLDERS)
        _tell(MessageKind.POST_ROLLOUT, f"ended:{rollout.pk}", groups, report, rollout=rollout)


def tell_incident(*, incident: Incident) -> None:
    """Tell everybody of an incident, once for each state of it: opened, acknowledged, closed.

    Raises:
        NoContext: no writable unit of work is open.
    """
    text = render.incident(incident_view(incident))
    key = f"incident:{incident.pk}:{incident.status}"
    _tell(MessageKind.INCIDENT, key, tuple(_G), text, rollout=incident.rollout, incident=incident)


def tell_daily(now: datetime) -> int:
    """Tell the team where each live run stands, once a day; return how many there are."""
    with unit_of_work(TELLER):
        live = [run for run in Rollout.objects.filter(state__in=sorted(LIVE)).select_related("flag") if reads(run)]
        for rollout in live:
            text = render.daily_status(status_of(rollout, now))
            _tell(MessageKind.DAILY_STATUS, f"daily:{rollout.pk}:{now:%Y-%m-%d}", (_G.TEAM,), text, rollout=rollout)
        return len(live)


def tell_weekly(now: datetime) -> bool:
    """Tell team and stakeholders of the seven days before today, once a week; False where nothing was going on."""
    with unit_of_work(TELLER):
        week = _week(now)
        if not (week.live or week.steps or week.incidents):
            return False
        groups = (_G.TEAM, _G.STAKEHOLDERS)
        _tell(MessageKind.WEEKLY, f"weekly:{week.name}", groups, render.weekly(week))
        return True


def ended_run(rollout: Rollout) -> Ended:
    """Return a run that ended, with its steps, incidents and reports."""
    policy = policy_of(rollout)
    steps = [step_line(step, policy) for step in rollout.steps.order_by("number")]
    started = next((step.at for step in steps if step.command == Command.START), None)
    at = rollout.ended_at or steps[-1].at
    mine = Q(rollout=rollout)
    return Ended(status_of(rollout, at), started, steps, incidents_in(mine), reports_in(mine))


def _week(now: datetime) -> Week:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"gte": today - timedelta(days=7), "lt": today}
    created = Q(**{f"created_at__{side}": moment for side, moment in days.items()})
    rows = RolloutStep.objects.filter(**{f"at__{side}": moment for side, moment in days.items()})
    steps: list[StepLine] = [
        step_line(step, policy_of(step.rollout), flag=step.rollout.flag.name)
        for step in rows.select_related("rollout__flag").order_by("at", "id")
        if reads(step.rollout)
    ]
    live = Rollout.objects.filter(state__in=sorted(LIVE)).select_related("flag")
    year, number, _ = (today - timedelta(days=7)).isocalendar()
    return Week(
        name=f"{year}-W{number:02}",
        live=[status_of(rollout, now) for rollout in live if reads(rollout)],
        steps=steps,
        incidents=incidents_in(created),
        reports=reports_in(created),
    )


def _tell(
    kind: MessageKind,
    key: str,
    groups: tuple[MessageGroup, ...],
    text: Text,
    *,
    rollout: Rollout | None = None,
    incident: Incident | None = None,
) -> None:
    tell(
        kind,
        dedupe_key=key,
        groups=groups,
        subject=text.subject,
        text=text.body,
        rollout=rollout,
        incident=incident,
    )
