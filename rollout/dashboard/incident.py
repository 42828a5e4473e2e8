"""Incidents: the answer first, then what it was decided on, then what people did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext, gettext_noop

from accounts.directory import user_names
from common import clock
from common.charts import Chart
from common.spans import span
from rollout.dashboard.affected import Message, Reached, messages_about, reached_by
from rollout.dashboard.gates import GateTable, gate_table, read_verdicts
from rollout.dashboard.history import minutes_between
from rollout.dashboard.processes import Processes, processes_now
from rollout.dashboard.run import parsed
from rollout.dashboard.series import Axis, charts_of, total
from rollout.dashboard.words import Pill, count, exactly, moment, percent
from rollout.gates.evidence import Arm
from rollout.lifecycle import State
from rollout.models import Incident, IncidentEntry, IncidentStatus
from rollout.whys import SERVICE, service_name, told

STATUS: Final = {
    IncidentStatus.OPEN: Pill("notifications_active", "Not acknowledged", "wait"),
    IncidentStatus.ACKNOWLEDGED: Pill("check", "Acknowledged", "run"),
    IncidentStatus.CLOSED: Pill("check_circle", "Closed", "good"),
}
SHOWN: Final = 50
ENTRIES: Final = (
    ("Acknowledged: ", gettext_noop("Acknowledged: %(text)s")),
    ("Closed. Follow-up: ", gettext_noop("Closed. Follow-up: %(text)s")),
)
"""How lines of a timeline begin that a person's words end."""
BEFORE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Entry:
    at: str
    text: str
    who: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    incident: Incident
    title: str
    pill: Pill
    opened: str
    how: str
    open_for: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One incident; `answer` says whether it is contained, `next_step` what a person does now."""

    incident: Incident
    title: str
    pill: Pill
    opened: str
    how: str
    answer: str
    is_contained: bool
    next_step: str
    stage: str
    share: str
    why: str
    gates: GateTable | None
    charts: tuple[Chart, ...]
    exposed: tuple[tuple[str, str, str], ...]
    entries: tuple[Entry, ...]
    acknowledged: str
    processes: Processes
    messages: tuple[Message, ...]
    reached: Reached | None


def incident_rows() -> list[IncidentRow]:
    """Return the newest incidents, those that wait for somebody first; one query."""
    now = clock.now()
    rows = list(Incident.objects.select_related("flag", "rollout").order_by("-id")[:SHOWN])
    rows.sort(key=lambda row: list(IncidentStatus).index(IncidentStatus(row.status)))
    return [
        IncidentRow(
            row,
            told(row.title),
            STATUS[IncidentStatus(row.status)],
            moment(row.created_at),
            gettext("by the engine") if row.automatic else gettext("by a person"),
            span(now - row.created_at) if row.status == IncidentStatus.OPEN else "",
        )
        for row in rows
    ]


def incident_page(incident: Incident, user: Any) -> IncidentPage:
    """Return one incident, whose flag and run are loaded; ten queries at most, whatever its length."""
    run, evidence, now = incident.rollout, incident.evidence_json, clock.now()
    policy = parsed(run.policy_text, run.policy_name) if run else None
    stage = policy.stages[policy.index_of(evidence["stage"])] if policy and evidence.get("stage") else None
    decided = run.ended_at if run and run.ended_at else incident.created_at
    processes = processes_now(now)
    answer, is_contained = _answer(incident, processes, decided)
    entries = list(incident.entries.order_by("at", "id")[:200])
    people = {entry.actor_id for entry in entries if entry.actor_id} | {incident.acknowledged_by_id} - {None}
    names = user_names({person for person in people if person})
    charts, exposed = _seen(incident, decided)
    verdicts = read_verdicts(evidence.get("verdicts", []))
    before = evidence.get("flag_before", {}).get("rollout_thousandths")
    return IncidentPage(
        incident=incident,
        title=told(incident.title),
        pill=STATUS[IncidentStatus(incident.status)],
        opened=exactly(incident.created_at),
        how=gettext("decided by the engine") if incident.automatic else gettext("decided by a person"),
        answer=answer,
        is_contained=is_contained,
        next_step=_next_step(incident, now),
        stage=gettext(stage.title) if stage else "",
        share=percent(before) if before is not None else "",
        why=told(evidence.get("why", "")) if incident.automatic else evidence.get("why", ""),
        gates=gate_table(policy, stage, verdicts) if policy and stage and verdicts else None,
        charts=charts,
        exposed=exposed,
        entries=tuple(_entry(e, incident, names.get(e.actor_id) if e.actor_id else None) for e in entries),
        acknowledged=_acknowledged(incident, names),
        processes=processes,
        messages=messages_about(incident),
        reached=reached_by(incident, policy.stages.index(stage), decided, user) if policy and stage else None,
    )


def _entry(entry: IncidentEntry, incident: Incident, name: str | None) -> Entry:
    return Entry(exactly(entry.at), _entry_text(entry, incident), name or service_name(entry.actor))


def _entry_text(entry: IncidentEntry, incident: Incident) -> str:
    """Return a line of the timeline: ours in the language at hand, what a person wrote as it is."""
    if entry.text == incident.title or entry.actor.startswith(SERVICE):
        return told(entry.text)
    for ours, theirs in ENTRIES:
        if entry.text.startswith(ours):
            return gettext(theirs) % {"text": entry.text.removeprefix(ours)}
    return entry.text


def _answer(incident: Incident, processes: Processes, decided: datetime) -> tuple[str, bool]:
    run, flag = incident.rollout, incident.flag
    if run is not None and run.state == State.ROLLING_BACK:
        seen = gettext(
            "Not yet contained. %(n)s of %(whole)s processes have the flag at zero; a process that is silent for "
            "5 minutes counts as gone."
        )
        return seen % {"n": processes.current, "whole": processes.total}, False
    if run is not None and run.state == State.ROLLED_BACK:
        over = gettext("Contained. The new pipeline answers nobody of this run since %(when)s UTC.")
        return over % {"when": exactly(decided)}, True
    if flag.killed_at is not None:
        off = gettext("Contained. The flag is off for everybody since %(when)s UTC.")
        return off % {"when": exactly(flag.killed_at)}, True
    closed = incident.status == IncidentStatus.CLOSED
    return gettext("The flag is not killed, and no rollback is under way."), closed


def _next_step(incident: Incident, now: datetime) -> str:
    run = incident.rollout
    cool_down = run.cool_down_until if run and run.cool_down_until and run.cool_down_until > now else None
    match incident.status:
        case IncidentStatus.OPEN if cool_down:
            next_step = gettext(
                "Next: acknowledge with the cause, as far as it is known. A new run is possible after that and the "
                "cool-down (until %(when)s UTC)."
            )
            return next_step % {"when": moment(cool_down)}
        case IncidentStatus.OPEN:
            return gettext("Next: acknowledge with the cause, as far as it is known. A new run is possible after that.")
        case IncidentStatus.ACKNOWLEDGED:
            return gettext("Next: close it with the cause and the follow-up.")
    return ""


def _seen(incident: Incident, decided: datetime) -> tuple[tuple[Chart, ...], tuple[tuple[str, str, str], ...]]:
    """Return the first charts of the day before the decision, and whom it reached."""
    run = incident.rollout
    if run is None:
        return (), ()
    begun = run.stage_entered_at or run.starts_at
    minutes = minutes_between(run, max(begun, decided - 14 * BEFORE), decided)
    if not minutes:
        return (), ()
    new = total(minute.of(Arm.NEW) for minute in minutes)
    policy = parsed(run.policy_text, run.policy_name)
    # Few answers precede a decision: each point is of the hour before it.
    axis = Axis(max(begun, decided - BEFORE), decided, timedelta(minutes=10), timedelta(hours=1))
    charts = charts_of(minutes, axis, policy.gates_of(policy.stages[run.stage]))
    exposed = (
        (gettext("Athletes exposed"), count(new.subjects), gettext("in this stage")),
        (gettext("Answers"), count(new.answered), gettext("of the new pipeline")),
        (gettext("Failed"), count(new.failed), _fallen(new.fallback)),
        (gettext("Critical reports"), count(new.critical), gettext("of these athletes")),
    )
    return charts[1:4], exposed


def _fallen(number: int) -> str:
    return gettext("%(n)s fell back") % {"n": count(number)}


def _acknowledged(incident: Incident, names: dict[UUID, str]) -> str:
    if incident.acknowledged_at is None:
        return ""
    who = names.get(incident.acknowledged_by_id) if incident.acknowledged_by_id else None
    return f"{who or gettext('Somebody')}, {exactly(incident.acknowledged_at)} UTC"
