"""Storing a version: its sessions, and the change rows that lead from its parent to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Max

from common import clock
from common.copying import copy_rows
from common.etag import ETag, etag_for
from common.keys import KeyRing, key_ring
from plans.document import (
    Content,
    FieldChange,
    Operation,
    Summary,
    Texts,
    document,
    document_text,
    field_changes,
    session_texts,
    summarise,
    text_sha256,
)
from plans.models import Plan, PlanContent, PlanSession, PlanVersion, PlanVersionChange
from plans.selectors import remember_content
from plans.workflow import State


@dataclass(frozen=True)
class Frame:
    """What surrounds the sessions of a version: weeks, prediction, warnings, where it comes from."""

    weeks: list[Any]
    predicted: dict[str, Any] | None
    warnings: list[Any]
    relaxed: list[Any]
    provenance: dict[str, Any]

    @classmethod
    def of(cls, version: PlanVersion, *, predicted: dict[str, Any] | None) -> Frame:
        """Return the frame of an edited version: its parent's, with a prediction of its own."""
        return cls(version.weeks_json, predicted, version.warnings_json, version.relaxed_json, version.provenance_json)


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from: parent and baseline with their contents, and the operations with their reasons."""

    parent: PlanVersion
    before: Content
    baseline_id: UUID | None
    baseline: Content
    operations: Sequence[Operation] = field(default=())
    baseline_texts: Mapping[str, str] | None = None


def store_version(
    plan: Plan,
    content: Content,
    frame: Frame,
    *,
    status: State,
    author_id: UUID,
    lineage: Lineage,
    texts: dict[str, str] | None = None,
) -> tuple[PlanVersion, Summary]:
    """Insert the next version of a plan with its sessions and changes; the caller holds the head's lock.

    `texts`: the canonical JSON of its sessions where the caller has it already.
    """
    changes = field_changes(lineage.before, content)
    reasons = {change.path: _reason(change, lineage.operations) for change in changes}
    summary = summarise(lineage.before, content, reasons=(reason for reason, _ in reasons.values()))
    known = texts or session_texts(content)
    text = document_text(known)
    between = (lineage.baseline_texts, known) if lineage.baseline_texts else None
    version = PlanVersion.objects.create(
        plan=plan,
        athlete_id=plan.athlete_id,
        version_number=_next_number(plan),
        parent_version=lineage.parent,
        baseline_id=lineage.baseline_id,
        status=status.value,
        author_id=author_id,
        diff_summary_json={**summary.as_json(), "baseline": _brief(lineage.baseline, content, between)},
        content_sha256=text_sha256(text),
        weeks_json=frame.weeks,
        predicted_json=frame.predicted,
        warnings_json=frame.warnings,
        relaxed_json=frame.relaxed,
        provenance_json=frame.provenance,
    )
    PlanContent.objects.create(version=version, athlete_id=plan.athlete_id, document=text)
    _store_sessions(version, content, lineage.parent, {change.session_id for change in changes})
    _store_changes(version, changes, reasons)
    if texts:
        remember_content(version, content, texts)
    return version, summary


def _store_sessions(version: PlanVersion, content: Content, parent: PlanVersion, changed: set[str]) -> None:
    """Insert the sessions that changed; the database copies the others from the parent, ten times faster."""
    copied = copy_rows(
        PlanSession,
        where=("version_id", parent.pk),
        but=("session_id", [UUID(session_id) for session_id in changed]),
        changed={"version_id": version.pk},
    )
    sessions = content["sessions"]
    new = {session_id: sessions[session_id] for session_id in changed & sessions.keys()}
    if copied + len(new) != len(sessions):
        raise RuntimeError(f"version {version.pk}: {copied} + {len(new)} rows for {len(sessions)} sessions")
    PlanSession.objects.bulk_create(_session_rows(version, document(new.items())), batch_size=500)


def store_first_content(version: PlanVersion, content: Content) -> None:
    """Insert document and sessions of a version without a parent; its hash is that of the document."""
    text = document_text(session_texts(content))
    PlanContent.objects.create(version=version, athlete_id=version.athlete_id, document=text)
    PlanSession.objects.bulk_create(_session_rows(version, content), batch_size=500)


def _session_rows(version: PlanVersion, content: Content) -> list[PlanSession]:
    """Return the rows of a version's sessions, not yet stored."""
    return [
        PlanSession(
            version=version,
            athlete_id=version.athlete_id,
            session_id=UUID(session_id),
            day=date.fromisoformat(entry["day"]),
            modality=entry["modality"],
            kind=entry["kind"],
            title=entry["title"],
            prescribed_work_json=entry["prescribed_work"],
            load=entry["load"],
            key_session=entry["key_session"],
            locked=entry["locked"],
        )
        for session_id, entry in sorted(content["sessions"].items(), key=lambda item: (item[1]["day"], item[0]))
    ]


def move_head(plan: Plan, version: PlanVersion, state: State) -> ETag:
    """Point the head at a version and count its lock version up; returns the new tag. Writes the history row."""
    if plan.status != state.value:
        plan.state_since = clock.now()
    plan.head_version, plan.status = version, state.value
    plan.lock_version += 1
    plan.save()
    return etag_of(plan)


def etag_of(plan: Plan) -> ETag:
    """Return the strong tag of a head."""
    return etag_for(plan.lock_version, plan.head_version.content_sha256 if plan.head_version else "")


def _next_number(plan: Plan) -> int:
    """Count on from the highest: after a withdrawn revision the head is not the newest version."""
    highest: int | None = PlanVersion.objects.filter(plan=plan).aggregate(highest=Max("version_number"))["highest"]
    return (highest or 0) + 1


def _brief(baseline: Content, content: Content, texts: Texts | None) -> dict[str, Any]:
    whole = summarise(baseline, content, brief=True, texts=texts).as_json()
    return {name: whole[name] for name in ("sessions", "volume", "load", "badges", "sentence")}


def _store_changes(version: PlanVersion, changes: Iterable[FieldChange], reasons: dict[str, tuple[str, str]]) -> None:
    athlete_id: UUID = version.athlete_id
    noted = any(note for _, note in reasons.values())
    ring: KeyRing | None = key_ring([athlete_id], create=True) if noted else None
    rows = [
        PlanVersionChange(
            version=version,
            athlete_id=athlete_id,
            position=position,
            session_id=UUID(change.session_id),
            field_path=change.path,
            change_type=change.change,
            old_value=change.old,
            new_value=change.new,
            reason=reasons[change.path][0],
            note=ring.encrypt(athlete_id, reasons[change.path][1]) if ring and reasons[change.path][1] else None,
        )
        for position, change in enumerate(changes)
    ]
    PlanVersionChange.objects.bulk_create(rows, batch_size=500)


def _reason(change: FieldChange, operations: Sequence[Operation]) -> tuple[str, str]:
    """Return reason and note of a change: the last operation on its path wins, else the last on its session."""
    mine = [operation for operation in reversed(operations) if operation.session_id == change.session_id]
    near = [o for o in mine if o.path.startswith(change.path) or change.path.startswith(o.path)]
    for found in (near, mine):
        for operation in found:
            if operation.reason or operation.note:
                return operation.reason, operation.note
    return "", ""
