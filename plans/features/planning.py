"""What the machine proposed and what athletes trained by: plans and sessions of versions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.models import Min

from accounts.models import CoachLink
from plans.features.people import People, Row, of_athletes
from plans.models import Decision, PlanContent, PlanGeneration, PlanReview, PlanVersion
from plans.selectors import content_of

BATCH: Final = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """A version of which the sessions are told: the machine's proposal, or what an athlete trains by from `at` on.

    Whatever its sessions' rows follow from is here, or never changes.
    """

    at: datetime
    version_id: UUID
    role: str
    plan_id: UUID
    athlete_id: UUID
    number: int
    race_date: date


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a plan's generation was asked and how it was routed."""

    at: tuple[datetime, UUID]
    race_date: date
    pipeline: str
    experiment: Mapping[str, Any]


def plans(people: People) -> Iterator[Row]:
    """Yield each proposal of the machine: version 1, and one more each time that a plan was generated again."""
    columns = ("pk", "plan_id", "athlete_id", "version_number", "created_at", "provenance_json", "plan__race")
    rows = of_athletes(PlanVersion, people).filter(baseline=None).order_by("pk")
    for batch in batched(rows.values_list(*columns, "plan__race_date", "plan__pipeline").iterator(), BATCH):
        asked = _asked({row[1] for row in batch})
        links = _links({row[2] for row in batch})
        for pk, plan_id, athlete_id, number, at, provenance, race, race_date, pipeline in batch:
            if token := people.athletes.get(athlete_id):
                why = asked_for(asked[plan_id], at, pk)
                arm = why.experiment if why and athlete_id in people.in_experiments else {}
                yield {
                    "athlete": token,
                    "plan": str(plan_id),
                    "version_number": number,
                    "coach": people.coach(_coach(links[athlete_id], at)),
                    "race": race,
                    "race_date": why.race_date if why else race_date,
                    "pipeline": provenance.get("pipeline") or (why.pipeline if why else "") or pipeline,
                    "algorithm_version": _version(provenance),
                    "experiment": arm.get("key") or None,
                    "variant": arm.get("variant") or None,
                    "event_at": at,
                    "available_at": at,
                }


def _version(provenance: Mapping[str, Any]) -> str | None:
    """Return the model version, with the heuristics that an arm added: its sessions were adjusted beforehand too."""
    name = provenance.get("algorithm_version")
    return "+".join([name, *provenance.get("heuristics", ())]) if name else None


def heads(people: People) -> Iterator[Head]:
    """Yield the versions whose sessions are exported."""
    columns = ("pk", "plan_id", "athlete_id", "version_number", "created_at", "plan__race_date")
    proposed = of_athletes(PlanVersion, people).filter(baseline=None).order_by("pk").values_list(*columns, "created_at")
    accepted = of_athletes(PlanReview, people).filter(decision=Decision.ACCEPT).order_by("version_id")
    said = [f"version__{name}" for name in columns]
    published = accepted.values_list(*said).annotate(at=Min("created_at"))
    for role, rows in (("proposed", proposed), ("published", published)):
        for batch in batched(rows.iterator(), BATCH):
            asked = _asked({row[1] for row in batch})
            for pk, plan_id, athlete_id, number, made_at, race_date, at in batch:
                if athlete_id in people.athletes:
                    why = asked_for(asked[plan_id], made_at, pk)
                    yield Head(at, pk, role, plan_id, athlete_id, number, why.race_date if why else race_date)


def sessions_of(people: People, wanted: Sequence[Head]) -> Iterator[Row]:
    """Yield the sessions of versions, each in its plan's week."""
    for batch in batched(iter(wanted), BATCH):
        ids = {head.version_id for head in batch}
        documents = dict(PlanContent.objects.filter(version__in=ids).order_by().values_list("version_id", "document"))
        weeks = dict(PlanVersion.objects.filter(pk__in=ids).order_by().values_list("pk", "weeks_json"))
        for head in batch:
            yield from _sessions(
                people.athletes[head.athlete_id], head, _entries(head, documents), weeks[head.version_id]
            )


def asked_for(asked: Sequence[_Asked], at: datetime, pk: UUID) -> _Asked | None:
    """Return the request that a version follows from: the newest one that was made before it."""
    return max((one for one in asked if one.at <= (at, pk)), key=lambda one: one.at, default=None)


def batched(rows: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield rows by so many."""
    while batch := list(islice(rows, size)):
        yield batch


def _asked(plan_ids: Iterable[UUID]) -> dict[UUID, list[_Asked]]:
    found = defaultdict[UUID, list[_Asked]](list)
    columns = ("plan_id", "created_at", "pk", "goal_json", "pipeline", "experiment_json")
    rows = PlanGeneration.objects.filter(plan__in=list(plan_ids)).order_by().values_list(*columns)
    for plan_id, at, pk, goal, pipeline, experiment in rows:
        found[plan_id].append(_Asked((at, pk), date.fromisoformat(goal["race_date"]), pipeline, experiment))
    return found


def _links(athlete_ids: Iterable[UUID]) -> dict[UUID, list[Any]]:
    found = defaultdict[UUID, list[Any]](list)
    rows = CoachLink.objects.filter(athlete__in=list(athlete_ids)).order_by("active_from", "pk")
    for athlete_id, *link in rows.values_list("athlete_id", "coach_id", "active_from", "active_until", "created_at"):
        found[athlete_id].append(link)
    return found


def _coach(links: Sequence[Any], at: datetime) -> UUID | None:
    """Return who coached then, as far as it was known then: the one of longest standing."""
    day = at.date()
    for coach_id, since, until, known in links:
        if known <= at and since <= day and (until is None or until > day):
            found: UUID = coach_id
            return found
    return None


def _entries(head: Head, documents: Mapping[UUID, str]) -> Mapping[str, Any]:
    text = documents.get(head.version_id)
    if text is None:  # stored before documents were
        return content_of(PlanVersion.objects.get(pk=head.version_id))["sessions"]
    found: Mapping[str, Any] = json.loads(text)["sessions"]
    return found


def _sessions(token: str, head: Head, entries: Mapping[str, Any], weeks: Sequence[Any]) -> Iterator[Row]:
    frames = {week["monday"]: week for week in weeks}
    days = {entry["day"] for entry in entries.values()}
    first = _day(min(frames, default=min(days, default=head.race_date.isoformat())))
    race_monday = _monday(head.race_date)
    shared = {"athlete": token, "plan": str(head.plan_id), "version_number": head.number, "role": head.role}
    shared |= {"event_at": head.at, "available_at": head.at}
    for session_id, entry in entries.items():
        monday = _monday(_day(entry["day"]))
        frame, work = frames.get(monday.isoformat(), {}), entry["prescribed_work"]
        yield {
            **shared,
            "session": session_id,
            "day": _day(entry["day"]),
            "kind": entry["kind"],
            "modality": entry["modality"],
            "minutes": float(work.get("duration_min") or 0.0),
            "distance_km": work.get("distance_km"),
            "load": float(entry["load"]),
            "key_session": entry["key_session"],
            "phase": frame.get("phase"),
            "is_recovery": bool(frame.get("is_recovery", False)),
            "week_number": frame.get("number") or max(1, (monday - _monday(first)).days // 7 + 1),
            "weeks_to_race": (race_monday - monday).days // 7,
        }


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    return date.fromisoformat(text)


@lru_cache(maxsize=4096)
def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
