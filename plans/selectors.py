"""Reads: a version with its sessions by week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from common.keys import key_ring
from common.newest import Newest
from plans.document import Content, Entry, document, parsed, session_changes, session_entry, session_texts
from plans.models import PlanContent, PlanSession, PlanVersion, PlanVersionChange


class _Kept(NamedTuple):
    """A document with the canonical JSON of its sessions, which is empty until somebody asks for it."""

    content: Content
    texts: dict[str, str]


MOST_CONTENTS = 64
_contents: Newest[UUID, _Kept] = Newest(MOST_CONTENTS)
ENTRY_COLUMNS = ("day", "modality", "kind", "title", "prescribed_work_json", "load", "key_session", "locked")


@dataclass(frozen=True)
class Week:
    """One week of a version: its frame and its sessions, Monday first."""

    number: int
    monday: date
    phase: str
    is_recovery: bool
    target_load: float
    sessions: tuple[PlanSession, ...]

    @property
    def load(self) -> float:
        return sum(session.load for session in self.sessions)

    @property
    def minutes(self) -> float:
        return sum(session.prescribed_work_json.get("duration_min") or 0 for session in self.sessions)

    @property
    def days(self) -> list[tuple[date, list[PlanSession]]]:
        """Return the seven days with their sessions, for a calendar."""
        by_day: dict[date, list[PlanSession]] = defaultdict(list)
        for session in self.sessions:
            by_day[session.day].append(session)
        return [(day, by_day[day]) for day in (self.monday + timedelta(days=i) for i in range(7))]


def weeks_of(version: PlanVersion) -> list[Week]:
    """Return a version's weeks with their sessions (one query)."""
    by_monday: dict[date, list[PlanSession]] = defaultdict(list)
    for session in version.sessions.all():
        by_monday[session.day - timedelta(days=session.day.weekday())].append(session)
    return [_week(frame, by_monday) for frame in version.weeks_json]


def week_bodies(version: PlanVersion) -> list[dict[str, Any]]:
    """Return a version's weeks as the API shows them: plain JSON, made from the document without a row a session."""
    by_monday: dict[str, list[dict[str, Any]]] = defaultdict(list)
    mondays = {frame["monday"]: date.fromisoformat(frame["monday"]) for frame in version.weeks_json}
    monday_of = {(monday + timedelta(days=i)).isoformat(): text for text, monday in mondays.items() for i in range(7)}
    entries = content_of(version)["sessions"]
    for session_id, entry in sorted(entries.items(), key=lambda item: (item[1]["day"], item[0])):
        if entry["day"] in monday_of:
            by_monday[monday_of[entry["day"]]].append({"session_id": session_id, **entry})
    return [
        {
            **{name: frame[name] for name in ("number", "monday", "phase", "is_recovery", "target_load")},
            "load": sum(session["load"] for session in by_monday[frame["monday"]]),
            "sessions": by_monday[frame["monday"]],
        }
        for frame in version.weeks_json
    ]


def _week(frame: dict[str, Any], by_monday: dict[date, list[PlanSession]]) -> Week:
    monday = date.fromisoformat(frame["monday"])
    return Week(
        number=frame["number"],
        monday=monday,
        phase=frame["phase"],
        is_recovery=frame["is_recovery"],
        target_load=frame["target_load"],
        sessions=tuple(by_monday[monday]),
    )


def content_of(version: PlanVersion) -> Content:
    """Return a version's document: one query, and none while it is among the newest that this process has read.

    Versions never change, so nothing kept can be stale; whoever has the version may see its content. Nobody may change
    what it returns.
    """
    return _kept(version).content


def baseline_of(version: PlanVersion) -> PlanVersion:
    """Return the version that the machine proposed."""
    return version if version.baseline is None else version.baseline


def texts_of(version: PlanVersion) -> dict[str, str]:
    """Return the canonical JSON of each session of a version, kept as its document is."""
    kept = _kept(version)
    if not kept.texts:
        kept.texts.update(session_texts(kept.content))
    return kept.texts


def remember_content(version: PlanVersion, content: Content, texts: dict[str, str] | None = None) -> None:
    """Keep what a version was just stored with."""
    _contents.put(version.pk, _Kept(content, texts or {}))


def _kept(version: PlanVersion) -> _Kept:
    known = _contents.get(version.pk)
    if known is None:
        known = _read(version)
        _contents.put(version.pk, known)
    return known


def _read(version: PlanVersion) -> _Kept:
    """Return a version's document from its text; from its rows where it was stored before texts were."""
    text = PlanContent.objects.filter(version=version).values_list("document", flat=True).first()
    if text is not None:
        return _Kept(*parsed(text))
    rows = PlanSession.objects.filter(version=version).values_list("session_id", *ENTRY_COLUMNS)
    return _Kept(document((str(session_id), _entry(*columns)) for session_id, *columns in rows), {})


def entry_of(row: PlanSession) -> Entry:
    """Return a stored session as the document holds it."""
    return _entry(*(getattr(row, name) for name in ENTRY_COLUMNS))


def _entry(
    day: date, modality: str, kind: str, title: str, work: dict[str, Any], load: float, key: bool, locked: bool
) -> Entry:
    return session_entry(
        day=day.isoformat(),
        modality=modality,
        kind=kind,
        title=title,
        prescribed_work=work,
        load=load,
        key_session=key,
        locked=locked,
    )


def compared_with(version: PlanVersion, against: str, visible: QuerySet[PlanVersion]) -> PlanVersion | None:
    """Return the version that `version` is shown against: `parent`, `baseline`, `active`, or a version's id.

    `visible`: the versions of the plan that the reader may see. A parent that is a draft hidden from them gives way to
    the newest earlier version that is not, else to what the machine proposed: a diff must not quote a draft.

    Raises:
        ValueError: neither a word that we know nor an id.
    """
    match against:
        case "parent":
            earlier = visible.filter(version_number__lt=version.version_number)
            seen = version.parent_version_id is not None and earlier.filter(pk=version.parent_version_id).exists()
            return version.parent_version if seen else earlier.order_by("-version_number").first() or version.baseline
        case "baseline":
            return version.baseline
        case "active":
            return version.plan.active_version
    return visible.filter(pk=UUID(against)).first()


def marked_changes(version: PlanVersion, base: PlanVersion | None) -> list[dict[str, Any]]:
    """Return the sessions that differ from `base`, with both sides and the newest reason given for each."""
    if base is None or base.pk == version.pk:
        return []
    reasons = reasons_between(version, base)
    return [
        {
            "session_id": change.session_id,
            "change": change.change,
            "before": change.before,
            "after": change.after,
            **reasons.get(change.session_id, {"reason": "", "note": ""}),
        }
        for change in session_changes(content_of(base), content_of(version))
    ]


def reasons_between(version: PlanVersion, base: PlanVersion) -> dict[str, dict[str, str]]:
    """Return reason and note by session, the newest of the versions after `base` up to `version`."""
    low, high = sorted((base.version_number, version.version_number))
    rows = PlanVersionChange.objects.filter(
        version__plan=version.plan_id, version__version_number__gt=low, version__version_number__lte=high
    )
    rows = rows.exclude(reason="", note=None).order_by("version__version_number", "position")
    ring = key_ring([version.athlete_id])
    return {
        str(row.session_id): {"reason": row.reason, "note": ring.read(version.athlete_id, row.note)} for row in rows
    }


def names_of(user_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of people by id (one query); services have none."""
    return dict(User.objects.filter(pk__in=set(user_ids)).values_list("pk", "name"))
