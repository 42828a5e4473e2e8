"""All flags with their newest run, by what a person has to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext

from accounts.directory import user_names
from common import clock
from common.spans import span
from common.translating.showing import shown as said
from rollout.ages import full_since, is_full
from rollout.dashboard.gates import read_verdicts
from rollout.dashboard.run import parsed
from rollout.dashboard.words import KILLED, OFF, ON, OUTCOMES, STATES, Pill, moment, parts, percent
from rollout.engine import end_of
from rollout.gates.evidence import Outcome
from rollout.lifecycle import LIVE, State
from rollout.models import Approval, Flag, Incident, IncidentStatus, Rollout, RolloutStep
from rollout.runs import view_of
from rollout.stale import STALE_AFTER
from rollout.whys import service_name, step_name, told

GROUPS: Final = (("needs", "Needs you"), ("live", "Running"), ("rest", "Not rolling out"))
FILTERS: Final = (("all", "All"), ("live", "Live"), ("needs", "Needs you"), ("stale", "Stale"), ("killed", "Killed"))


@dataclass(frozen=True, slots=True)
class Row:
    """One flag; `cells` is the mini ladder: done, the state's tone, or ahead, one a stage."""

    key: str
    flag_id: UUID
    run_id: UUID | None
    policy: str
    pill: Pill
    is_synthetic: bool
    cells: tuple[str, ...]
    stage: str
    share: str
    next_what: str
    next_note: str
    next_pill: Pill | None
    link: str
    gates: Pill | None
    changed: str
    changed_by: str
    group: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """The groups that hold rows, and how many each filter would show."""

    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    filters: tuple[tuple[str, str, int], ...]
    total: int
    live: int
    at: str
    has_runs: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read about all flags at once."""

    runs: Mapping[UUID, Rollout]
    asked: Mapping[UUID, Approval]
    incidents: Mapping[UUID, Incident]
    steps: Mapping[UUID, RolloutStep]
    full_since: Mapping[UUID, datetime]
    names: Mapping[UUID, str]
    at: datetime


def listing(*, chosen: str = "all", words: str = "") -> Listing:
    """Return the flags whose key or policy contains `words`, of one of `FILTERS`; eight queries for any number."""
    flags = list(Flag.objects.order_by("name"))
    facts = _facts(flags)
    rows = [_row(flag, facts) for flag in flags]
    filters = tuple((name, said(label), sum(_passes(row, name) for row in rows)) for name, label in FILTERS)
    needle = words.strip().lower()
    shown = [row for row in rows if _passes(row, chosen) and needle in f"{row.key} {row.policy}".lower()]
    groups = ((title, tuple(row for row in shown if row.group == name)) for name, title in GROUPS)
    return Listing(
        groups=tuple((Pill("", title, "").word, found) for title, found in groups if found),
        filters=filters,
        total=len(rows),
        live=sum("live" in row.tags for row in rows),
        at=f"{facts.at:%H:%M}",
        has_runs=bool(facts.runs),
    )


def _passes(row: Row, chosen: str) -> bool:
    return chosen == "all" or chosen in row.tags or chosen == row.group


def _facts(flags: Sequence[Flag]) -> _Facts:
    now = clock.now()
    newest = Rollout.objects.filter(flag=OuterRef("flag")).order_by("-id").values("pk")[:1]
    runs = {run.flag_id: run for run in Rollout.objects.filter(pk=Subquery(newest)).select_related("flag")}
    asked = _first(Approval.objects.filter(decided_at=None, expires_at__gt=now).order_by("id"))
    incidents = _first(Incident.objects.filter(status=IncidentStatus.OPEN).order_by("-id"))
    last = RolloutStep.objects.filter(rollout=OuterRef("rollout")).order_by("-number").values("pk")[:1]
    of_runs = RolloutStep.objects.filter(rollout__in=[run.pk for run in runs.values()], pk=Subquery(last))
    steps = {step.rollout_id: step for step in of_runs}
    people = {step.actor_id for step in steps.values() if step.actor_id} | {a.requested_by_id for a in asked.values()}
    full = [flag.pk for flag in flags if is_full(flag)]
    return _Facts(runs, asked, incidents, steps, full_since(full), user_names(people), now)


def _first(rows: Iterable[Any]) -> dict[UUID, Any]:
    found: dict[UUID, Any] = {}
    for row in rows:
        found.setdefault(row.flag_id, row)
    return found


def _row(flag: Flag, facts: _Facts) -> Row:
    run, asked, incident = facts.runs.get(flag.pk), facts.asked.get(flag.pk), facts.incidents.get(flag.pk)
    state = State(run.state) if run else None
    is_live = state in LIVE or state is State.DRAFT
    policy = parsed(run.policy_text, run.policy_name) if run else None
    step = facts.steps.get(run.pk) if run else None
    stale = _stale(flag, facts, is_live=is_live)
    what, note, link = _next(flag, run, asked, incident, facts)
    needs = bool(asked or incident) or state in (State.HOLDING, State.PAUSED)
    tags = {"live"} if is_live else set()
    tags |= {"stale"} if stale else set()
    tags |= {"killed"} if flag.killed_at else set()
    shows_run = run is not None and (is_live or incident is not None)
    return Row(
        key=flag.name,
        flag_id=flag.pk,
        run_id=run.pk if run else None,
        policy=run.policy_name if run else "",
        pill=_pill(flag, run, shows_run=shows_run),
        is_synthetic=bool(run and run.synthetic),
        cells=_cells(run, len(policy.stages)) if run and policy and shows_run else (),
        stage=parts(run.stage + 1, len(policy.stages)) if run and policy and shows_run else "–",
        share=percent(flag.rollout_thousandths if flag.enabled and not flag.killed_at else 0),
        next_what=what,
        next_note=note,
        next_pill=Pill("label", stale, "wait") if stale else None,
        link=link,
        gates=_gates(run) if run and is_live else None,
        changed=moment(step.at) if step else "",
        changed_by=_who(step, facts.names) if step else "",
        group="needs" if needs else "live" if is_live else "rest",
        tags=frozenset(tags),
    )


def _pill(flag: Flag, run: Rollout | None, *, shows_run: bool) -> Pill:
    if flag.killed_at is not None:
        return KILLED
    if run is not None and (shows_run or run.state == State.COMPLETED):
        return STATES[State(run.state)]
    return ON if flag.enabled and flag.rollout_thousandths else OFF


def _cells(run: Rollout, stages: int) -> tuple[str, ...]:
    tone = STATES[State(run.state)].tone if run.state not in (State.DRAFT, State.SCHEDULED) else "ahead"
    return tuple("done" if i < run.stage else tone if i == run.stage else "ahead" for i in range(stages))


def _next(
    flag: Flag, run: Rollout | None, asked: Approval | None, incident: Incident | None, facts: _Facts
) -> tuple[str, str, str]:
    """Return what comes next, a note, and the page where it is done (blank: the run's own)."""
    if incident is not None:
        note = gettext("open %(time)s") % {"time": span(facts.at - incident.created_at)}
        return gettext("Acknowledge"), note, f"incident:{incident.pk}"
    if asked is not None:
        who = facts.names.get(asked.requested_by_id) or gettext("somebody")
        return gettext("Second person"), gettext("asked by %(who)s") % {"who": who}, "approvals"
    if run is None or State(run.state) not in LIVE:
        return (gettext("A second person resumes it"), "", "") if flag.killed_at else ("–", "", "")
    match State(run.state):
        case State.HOLDING:
            return gettext("Decide: extend, advance or stop"), _short(told(run.waits_for)), ""
        case State.PAUSED:
            return gettext("Resume or roll back"), _short(told(run.waits_for)), ""
        case State.SCHEDULED:
            return moment(run.starts_at), gettext("starts by itself"), ""
        case State.ROLLING_BACK:
            return gettext("Waits for processes"), "", ""
    policy = parsed(run.policy_text, run.policy_name)
    end = end_of(policy.stages[run.stage], view_of(run))
    if end <= facts.at:
        return moment(end), gettext("at the next check"), ""
    return moment(end), gettext("in %(time)s") % {"time": span(end - facts.at)}, ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:58].rstrip() + "…"


def _gates(run: Rollout) -> Pill | None:
    """Return the worst outcome with how many gates have it."""
    outcomes = [verdict.outcome for verdict in read_verdicts(run.verdicts_json)]
    for worst in (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.NO_DATA, Outcome.PASS):
        number = outcomes.count(worst)
        if number:
            pill = OUTCOMES[worst]
            return Pill(pill.icon, f"{number} {pill.small}", pill.tone)
    return None


def _who(step: RolloutStep, names: Mapping[UUID, str]) -> str:
    who = names.get(step.actor_id) if step.actor_id else None
    return f"{who or service_name(step.actor)}: {step_name(step.command)}"


def _stale(flag: Flag, facts: _Facts, *, is_live: bool) -> str:
    since = facts.full_since.get(flag.pk)
    if is_live or since is None or facts.at - since < STALE_AFTER:
        return ""
    days = (facts.at - since).days
    return gettext("Stale: 100 %%, %(n)s d") % {"n": days}
