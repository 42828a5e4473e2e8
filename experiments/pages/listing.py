"""All experiments, by what a person has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Max, Q

from accounts.models import User
from accounts.scope import require
from common.context import register_service, unit_of_work
from common.counts import counted
from common.database_time import database_now
from common.errors import InvalidInput
from common.translating.showing import said
from experiments.configuration import Slice
from experiments.documents import draft_of, protocol_of
from experiments.lifecycle import State
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentAssignment, ExperimentLook
from experiments.pages.words import RUNNING, SCHEDULED, STATES, STOPPED, Pill, day, days, moment, percent
from experiments.policies import MANAGE

COUNTER: Final = register_service("experiment-counts")
"""Who manages experiments sees how many athletes are in one, and not whom: row-level security hides the rows."""

GROUPS: Final = (("needs", "Needs you"), ("running", RUNNING), ("draft", "Draft"), ("complete", "Complete"))
FILTERS: Final = (("all", "All"), *GROUPS)
NOTHING: Final = "–"
SOON: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Assigned:
    """How many have a variant, and how many are held out."""

    in_variants: int = 0
    held_out: int = 0


@dataclass(frozen=True, slots=True)
class Arm:
    name: str
    weight: str
    is_control: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One experiment; `page` is where its next step is done: preview, results, or edit."""

    pk: UUID
    key: str
    name: str
    synthetic: bool
    pill: Pill
    arms: tuple[Arm, ...]
    when: str
    day: str
    assigned: str
    held_out: str
    primary: str
    guardrails: int
    next_what: str
    next_note: str
    page: str
    group: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """The groups that hold rows, and how many each filter would show."""

    groups: tuple[tuple[str, tuple[Row, ...]], ...]
    filters: tuple[tuple[str, str, int], ...]
    total: int
    at: str


def assigned_counts(user: User) -> dict[UUID, Assigned]:
    """Return how many are in each experiment that has anybody; opens a unit of work of its own.

    Nobody of the database is in a made-up experiment: how many it says to have is in its newest look.

    Raises:
        NotPermitted: not the role's.
    """
    require(user, MANAGE)
    with unit_of_work(COUNTER, read_only=True):
        rows = ExperimentAssignment.objects.order_by().values("experiment")
        found = rows.annotate(all=Count("pk"), held_out=Count("pk", filter=Q(is_holdout=True)))
        looks = ExperimentLook.objects.filter(experiment__synthetic=True).order_by()
        newest = looks.annotate(newest=Max("experiment__looks__number")).filter(number=F("newest"))
        made_up = newest.values_list("experiment", "document_json__assigned", "document_json__held_out")
        counts = {pk: Assigned(sum(assigned.values()), held_out) for pk, assigned, held_out in made_up}
        return counts | {row["experiment"]: Assigned(row["all"] - row["held_out"], row["held_out"]) for row in found}


def listing(counts: Mapping[UUID, Assigned], *, chosen: str = "all", words: str = "") -> Listing:
    """Return the experiments whose key or name contains `words`, of one of `FILTERS`; two queries for any number."""
    now = database_now()
    experiments = list(Experiment.objects.order_by("-id"))
    live = [one for one in experiments if one.status in (State.RUNNING, State.PAUSED)]
    rows = [_row(one, counts.get(one.pk, Assigned()), live, now) for one in experiments]
    filters = tuple((name, str(label), sum(_passes(row, name) for row in rows)) for name, label in FILTERS)
    needle = words.strip().lower()
    shown = [row for row in rows if _passes(row, chosen) and needle in f"{row.key} {row.name}".lower()]
    groups = ((str(title), tuple(row for row in shown if row.group == name)) for name, title in GROUPS)
    return Listing(tuple((t, found) for t, found in groups if found), filters, len(rows), f"{now:%H:%M}")


def _passes(row: Row, chosen: str) -> bool:
    return chosen == "all" or chosen == row.group or chosen in row.tags


def _row(experiment: Experiment, assigned: Assigned, live: Sequence[Experiment], now: datetime) -> Row:
    state = State(experiment.status)
    what, note, page, needs = _next(experiment, assigned, live, now)
    metric = METRICS.find(experiment.protocol.get("primary_metric") or "")
    when, part = _span(experiment, now)
    return Row(
        pk=experiment.pk,
        key=experiment.key,
        name=experiment.name,
        synthetic=experiment.synthetic,
        pill=pill_of(experiment, now),
        arms=_arms(experiment),
        when=when,
        day=part,
        assigned=NOTHING if state is State.DRAFT else f"{assigned.in_variants:,}",
        held_out=f"{assigned.held_out:,} held out" if assigned.held_out else "",
        primary=metric.title if metric else NOTHING,
        guardrails=len(experiment.protocol.get("guardrails") or []),
        next_what=what,
        next_note=note,
        page=page,
        group="needs" if needs else "running" if state is State.PAUSED else state.value,
        tags=frozenset({"running"} if state is State.PAUSED else {state.value}),
    )


def pill_of(experiment: Experiment, now: datetime) -> Pill:
    """Return an experiment's state: a guardrail's stop and a start that is to come are said as such."""
    state = State(experiment.status)
    if state is State.COMPLETE and experiment.ended_by:
        return STOPPED
    if state is State.RUNNING and experiment.start_at and experiment.start_at > now:
        return SCHEDULED
    return STATES[state]


def _arms(experiment: Experiment) -> tuple[Arm, ...]:
    """Return the variants, the control first."""
    control = experiment.protocol.get("control")
    weights = sorted(experiment.variant_weights.items(), key=lambda one: (one[0] != control, one[0]))
    return tuple(Arm(name, percent(weight), name == control) for name, weight in weights)


def _span(experiment: Experiment, now: datetime) -> tuple[str, str]:
    """Return when it runs, and which day of how many this is."""
    start, end = experiment.start_at, experiment.ended_at or experiment.end_at
    if start is None:
        return "when somebody starts it", f"to {day(end)}" if end else ""
    text = f"{day(start, before=end)} – {day(end)}" if end else f"from {day(start)}"
    whole = _days(end - start) if end else 0
    if experiment.status in (State.COMPLETE, State.DRAFT) or start > now:
        return text, counted(whole, "day", "days") if end else "no end set"
    elapsed = (now - start).days + 1
    return text, f"day {min(elapsed, whole)} of {whole}" if end else f"day {elapsed}, no end set"


def _days(length: timedelta) -> int:
    return max(-(-length // timedelta(days=1)), 1)


def _next(
    experiment: Experiment, assigned: Assigned, live: Sequence[Experiment], now: datetime
) -> tuple[str, str, str, bool]:
    """Return what comes next, a note, the page where it is done, and whether a person has to do it."""
    match State(experiment.status):
        case State.DRAFT:
            return _next_of_draft(experiment, live, now)
        case State.PAUSED:
            return "Resume or complete", "nobody new is taken", "results", True
        case State.COMPLETE:
            return "Read the results", experiment.ended_by and f"stopped by {experiment.ended_by}", "results", False
    if experiment.end_at and experiment.end_at <= now:
        return "Complete it, or set another end", f"its end passed {days(now - experiment.end_at)} ago", "edit", True
    if experiment.roster == "closed" and assigned == Assigned():
        return "Enrol the roster", "nobody has a variant", "edit", True
    if experiment.start_at and experiment.start_at > now:
        return f"Starts {moment(experiment.start_at)}", f"in {days(experiment.start_at - now)}", "results", False
    if experiment.end_at:
        note = f"in {days(experiment.end_at - now)}"
        return f"Ends {moment(experiment.end_at)}", note, "results", False
    return "Runs until somebody completes it", "", "results", False


def _next_of_draft(experiment: Experiment, live: Sequence[Experiment], now: datetime) -> tuple[str, str, str, bool]:
    """Return what a draft lacks; one that lacks nothing waits for whoever starts it."""
    if not experiment.protocol:
        return "Say what is asked", "no primary metric, no control", "edit", False
    try:
        configuration = draft_of(experiment, start_at=experiment.start_at or now, phase=1)
        protocol = protocol_of(experiment)
    except InvalidInput as error:
        return "Mend the draft", _short(said(error.detail)), "edit", False
    if experiment.end_at and experiment.end_at <= now:
        return "Set another end", "its end has passed", "edit", False
    key = _in_its_way(configuration.slice, protocol.parameter, live)
    if key:
        return f"Waits for {key}", "both would decide about the same athletes", "edit", False
    return "Preview and start", "nothing is missing", "preview", True


def _in_its_way(mine: Slice | None, parameter: str, live: Sequence[Experiment]) -> str:
    """Return the key of a live experiment that the start would clash with, by the rule that the start holds."""
    for other in live:
        theirs = _slice(other.layer)
        same_layer = mine is not None and theirs is not None and mine.layer == theirs.layer
        overlap = same_layer and mine.start < theirs.stop and theirs.start < mine.stop  # type: ignore[union-attr]
        if overlap or (parameter and other.protocol.get("parameter") == parameter and not same_layer):
            return other.key
    return ""


def _slice(layer: Any) -> Slice | None:
    return Slice(layer["key"], round(layer["from"] * 1000), round(layer["to"] * 1000)) if layer else None


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:68].rstrip() + "…"
