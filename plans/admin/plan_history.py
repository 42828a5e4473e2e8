"""What happened to an athlete's plans (A10): versions and decisions for who sees plans, audit for who reads it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse

from accounts.matrix import relation_for
from accounts.models import Athlete, User
from accounts.scope import athlete_for
from audit.models import AuditEvent
from audit.reading import FieldChange, read_for
from audit.selectors import ReadableEvent
from common.errors import NotVisible
from common.keys import KeyRing, key_ring
from common.translating.showing import day as day_text
from plans.admin.review_page import MACHINE
from plans.document import canonical_json
from plans.document.patch import REASONS
from plans.events import AUDIT_ACTION
from plans.models import Plan, PlanReview, PlanSession, PlanVersion, PlanVersionChange
from plans.policies import plans_for, visible_versions
from plans.presentation import race_label
from plans.reading import wording
from plans.selectors import names_of
from plans.workflow import Action

HEAVY: Final = ("weeks_json", "predicted_json", "warnings_json", "relaxed_json", "provenance_json")
"""Columns that a list of versions has no use for."""
PLANS: Final = 20
EVENTS: Final = 50
_EVENTS_OF_PLAN: Final = 200
CHANGES: Final = 40
"""How many changed fields of a version are shown; its file has all."""
_EDITS: Final = frozenset(AUDIT_ACTION[action] for action in (Action.SAVE, Action.REGENERATE, Action.MOVE_SESSION))
_LONGEST_VALUE: Final = 160


def plan_history_context(user: User, athlete_id: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's data; `plans_before` and `before` are the ids after which the last pages ended.

    Whoever reads the audit log without seeing plans (compliance) gets its entries and nothing of the plans' content.

    Raises:
        NotVisible: the athlete is outside everything that the user may see.
    """
    reads_audit = relation_for(user.role, "audit:read") is not None
    athlete = _athlete(user, athlete_id, reads_audit)
    events = _page(_events(athlete_id), query.get("before"), EVENTS) if reads_audit else []
    if athlete is None and not events:
        raise NotVisible("There is no such athlete, or you may not see them.")
    plans = _page(plans_for(user).filter(athlete=athlete), query.get("plans_before"), PLANS) if athlete else []
    return {
        "athlete": athlete,
        "athlete_id": athlete_id,
        "sees_plans": athlete is not None,
        "plans": _timelines(user, plans[:PLANS], key_ring([athlete_id])),
        "older_plans": plans[PLANS - 1].pk if len(plans) > PLANS else None,
        "reads_audit": reads_audit,
        "events": _event_rows(user, events[:EVENTS], athlete_id),
        "older_events": events[EVENTS - 1].pk if len(events) > EVENTS else None,
    }


def _athlete(user: User, athlete_id: UUID, reads_audit: bool) -> Athlete | None:
    try:
        return athlete_for(user, "plan:view", athlete_id)
    except NotVisible:
        if reads_audit:
            return None
        raise


def _events(athlete_id: UUID) -> Any:
    return AuditEvent.objects.filter(subject_id=athlete_id, target_type="plan").order_by("-id")


def _page(rows: Any, before: str | None, size: int) -> list[Any]:
    """Return a page, newest first, and one row more where there are older ones."""
    try:
        older = Q(pk__lt=UUID(before)) if before else Q()
    except ValueError as error:
        raise NotVisible("There is no such page.") from error
    return list(rows.filter(older)[: size + 1])


def _timelines(user: User, plans: list[Plan], ring: KeyRing) -> list[dict[str, Any]]:
    """Return each plan with its versions and decisions, newest first: three queries for any number."""
    rows = PlanVersion.objects.filter(visible_versions(user), plan__in=[plan.pk for plan in plans]).defer(*HEAVY)
    versions = {version.pk: version for version in rows}
    reviews = list(PlanReview.objects.filter(plan__in=[plan.pk for plan in plans]))
    names = names_of([*(v.author_id for v in versions.values()), *(review.reviewer_id for review in reviews)])
    entries: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for version in versions.values():
        entries[version.plan_id].append(_version_entry(version, versions, names))
    for review in reviews:
        entries[review.plan_id].append(_decision_entry(review, versions, names, ring))
    return [
        {
            "plan": plan,
            "race": race_label(plan.race),
            "active": versions.get(plan.active_version_id) if plan.active_version_id else None,
            "entries": sorted(entries[plan.pk], key=lambda entry: entry["id"], reverse=True),
            "compare_url": reverse("admin:plans_compare", args=[plan.pk]),
            "csv_url": reverse("admin:plans_changelog_csv", args=[plan.pk]),
        }
        for plan in plans
    ]


def _version_entry(version: PlanVersion, known: dict[Any, PlanVersion], names: dict[UUID, str]) -> dict[str, Any]:
    parent = known.get(version.parent_version_id)
    compare = reverse("admin:plans_compare", args=[version.plan_id])
    is_machine = version.baseline_id is None
    return {
        "id": version.pk,
        "at": version.created_at,
        "version": version,
        "who": MACHINE if is_machine else names.get(version.author_id) or MACHINE,
        "badges": version.diff_summary_json.get("badges", []),
        "sentence": version.diff_summary_json.get("sentence", ""),
        "reasons": [REASONS.get(code, code) for code in version.diff_summary_json.get("reasons", {})],
        "parent": parent,
        "compare_url": f"{compare}?from={parent.pk}&to={version.pk}" if parent else "",
    }


def _decision_entry(
    review: PlanReview, versions: dict[Any, PlanVersion], names: dict[UUID, str], ring: KeyRing
) -> dict[str, Any]:
    return {
        "id": review.pk,
        "at": review.created_at,
        "decision": review.get_decision_display(),
        "who": names.get(review.reviewer_id, ""),
        "version": versions.get(review.version_id),
        "is_override": review.is_override,
        "reasons": [review.get_reason_display()] if review.reason else [],
        "comment": ring.read(review.athlete_id, review.comment),
    }


def _event_rows(user: User, events: list[AuditEvent], athlete_id: UUID) -> list[dict[str, Any]]:
    """Return audit entries as text, with the changed fields of those versions that the user may see."""
    read = read_for(user, events)
    names = names_of(event.actor_id for event in events if event.actor_id)
    edited = {_version_id(item) for item in read if item.event.action in _EDITS} - {None}
    changes = _changes(user, edited, key_ring([athlete_id])) if edited else {}
    return [
        {
            "event": item.event,
            "version_id": _version_id(item),
            "is_state": item.event.linked_event_id is not None,
            "who": names.get(item.event.actor_id) if item.event.actor_id else "",
            "facts": _facts(item.metadata),
            "changes": found[:CHANGES],
            "has_more": len(found) > CHANGES,
        }
        for item in read
        for found in [changes.get(_version_id(item), []) if item.event.action in _EDITS else []]
    ]


def events_of_version(user: User, plan: Plan, version: PlanVersion) -> list[dict[str, Any]]:
    """Return the newest audit entries about a version as text, for whoever reads the audit log; else none."""
    if relation_for(user.role, "audit:read") is None:
        return []
    events = list(_events(plan.athlete_id).filter(target_id=plan.pk)[:_EVENTS_OF_PLAN])
    return [row for row in _event_rows(user, events, plan.athlete_id) if row["version_id"] == version.pk]


def changes_of_events(user: User, read: Sequence[ReadableEvent]) -> dict[UUID, list[FieldChange]]:
    """Return the changed fields that edits among the events led to (`audit.reading.FIELD_CHANGES`), if any."""
    of_event = {item.event.pk: _version_id(item) for item in read if item.event.action in _EDITS}
    wanted = {version_id for version_id in of_event.values() if version_id}
    if not wanted or relation_for(user.role, "plan:view") is None:
        return {}
    titled = PlanSession.objects.filter(version=OuterRef("version"), session_id=OuterRef("session_id"))
    rows = (
        PlanVersionChange.objects.filter(
            version__in=PlanVersion.objects.filter(visible_versions(user), pk__in=wanted), position__lte=CHANGES
        )
        .annotate(session_title=Subquery(titled.values("title")[:1]), session_day=Subquery(titled.values("day")[:1]))
        .order_by("version", "position")
    )
    found: dict[Any, list[FieldChange]] = defaultdict(list)
    for row in rows:
        day = f", {day_text(row.session_day, 'D j M')}" if row.session_day else ""
        found[row.version_id].append(
            FieldChange(
                field="/".join(row.field_path.split("/")[3:]).replace("_", " ") or "session",
                old=_value(row.old_value) or "–",
                new=_value(row.new_value) or "–",
                of=f"{row.session_title}{day}" if row.session_title else "",
                why=row.get_reason_display() if row.reason else "",
            )
        )
    return {event_id: found[version_id] for event_id, version_id in of_event.items() if version_id in found}


def _version_id(item: ReadableEvent) -> UUID | None:
    value = item.metadata.get("version_id")
    return UUID(value) if value else None


def _changes(user: User, version_ids: Iterable[Any], ring: KeyRing) -> dict[Any, list[dict[str, Any]]]:
    """Return the changed fields by version: old and new value, reason and note (three queries for any number)."""
    seen = PlanVersion.objects.filter(visible_versions(user), pk__in=list(version_ids)).values_list("pk", flat=True)
    rows = list(
        PlanVersionChange.objects.filter(version__in=list(seen), position__lte=CHANGES).order_by("version", "position")
    )
    titles = {
        (version, session): f"{wording().title(title)}, {day_text(day, 'D j M')}"
        for version, session, title, day in PlanSession.objects.filter(
            version__in={row.version_id for row in rows}, session_id__in={row.session_id for row in rows}
        ).values_list("version_id", "session_id", "title", "day")
    }
    found = defaultdict(list)
    for row in rows:
        found[row.version_id].append(
            {
                "session": titles.get((row.version_id, row.session_id)) or _value(row.old_value),
                "field": "/".join(row.field_path.split("/")[3:]).replace("_", " ") or "session",
                "change": row.get_change_type_display(),
                "old": _value(row.old_value),
                "new": _value(row.new_value),
                "reason": row.get_reason_display() if row.reason else "",
                "note": ring.read(row.athlete_id, row.note),
            }
        )
    return dict(found)


def _facts(metadata: dict[str, Any]) -> list[str]:
    """Return metadata as `name value`; ids of rows are for the entry itself, and hashes are shortened."""
    found = []
    for name, value in sorted(metadata.items()):
        if value in (None, "", [], {}) or value is False or name.endswith("_id"):
            continue
        text = str(value)[:12] if name.endswith("sha256") else _fact(value)
        found.append(f"{name.replace('_', ' ')} {text}")
    return found


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{member} {number}" for member, number in value.items())
    if isinstance(value, list):
        return ", ".join(_fact(member) for member in value)
    return "yes" if value is True else str(value)


def _value(value: Any) -> str:
    """Return a stored value as a person reads it: a session by title, day and load, the rest clipped."""
    if value is None:
        return ""
    if isinstance(value, dict) and "title" in value:
        return f"{value['title']}, {value.get('day', '')}, load {value.get('load', '')}"
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
