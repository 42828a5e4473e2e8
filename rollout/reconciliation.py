"""What flags, overrides and groups are now, against what the log last said of each (I8: unauthorised changes).

A change made with SQL or in a shell leaves no `…_state` event, so the newest one contradicts the row. Rows have one
present, not a history, so they are looked at in the window that reaches to now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from audit.models import AuditEvent
from audit.reconciliation import MARGIN, RECONCILIATIONS, Fact, Reconciliation, Row
from common.plain import plain
from rollout.models import Flag, FlagGroup, UserOverride
from rollout.selectors import digest_of_members, digest_of_overrides
from rollout.services.writing import fields_of

NO_EVENT = "no event"
Said = Mapping[UUID, tuple[str, dict[str, Any]]]
"""The newest event of each thing: its id, and what it says."""


def _unexplained(since: datetime, until: datetime) -> Iterator[Row]:
    """Yield each thing whose newest event does not say what it is; nothing in windows that do not reach to now.

    A reconciliation of many windows takes its time: the last one may be over for a while.
    """
    if not since <= datetime.now(UTC) < until + MARGIN:
        return
    yield from _flags()
    yield from _overrides()
    yield from _groups()


def _flags() -> Iterator[Row]:
    said = _newest("flag.state")
    flags = {flag.pk: flag for flag in Flag.objects.all()}
    for pk, flag in flags.items():
        event_id, metadata = said.get(pk, (NO_EVENT, {}))
        told = metadata.get("state", {})
        now = _comparable(plain(fields_of(flag)))
        changed = sorted(name for name in now if _comparable(told).get(name, now[name] if told else None) != now[name])
        if changed or not told:
            values = {name: now[name] for name in changed}
            yield _row(pk, event_id, values, f"flag {flag.name}: {', '.join(changed) or 'all'} changed past the log")
    for pk in said.keys() - flags.keys():
        key = said[pk][1].get("key")
        yield _row(pk, said[pk][0], "gone", f"flag {key} was deleted past the log")


def _overrides() -> Iterator[Row]:
    said = _newest("flag.override_state")
    flags = dict(Flag.objects.values_list("pk", "name"))
    with_rows = set(UserOverride.objects.values_list("flag_id", flat=True))
    for pk in sorted((with_rows | said.keys()) & flags.keys()):
        yield from _digests(pk, said, digest_of_overrides(pk), f"overrides of flag {flags[pk]}")


def _groups() -> Iterator[Row]:
    said = _newest("flag.group_state")
    for pk, name in FlagGroup.objects.values_list("pk", "name"):
        yield from _digests(pk, said, digest_of_members(pk), f"members of group {name}")


def _digests(pk: UUID, said: Said, now: dict[str, Any], what: str) -> Iterable[Row]:
    event_id, told = said.get(pk, (NO_EVENT, {}))
    empty = not told and not (now.get("overrides") or now.get("members"))
    if not empty and any(told.get(name, value if told else None) != value for name, value in now.items()):
        yield _row(pk, event_id, now, f"{what} changed past the log")


def _newest(action: str) -> Said:
    """Return the newest event of an action for each target: its id and what it says.

    The database picks them by their ids alone: this is asked each minute, and a log of years says a lot.
    """
    place = Window(RowNumber(), partition_by="target_id", order_by=F("id").desc())
    newest = AuditEvent.objects.filter(action=action).exclude(target_id=None).annotate(place=place).filter(place=1)
    events = AuditEvent.objects.filter(pk__in=[*newest.values_list("pk", flat=True)])
    return {event.target_id: (str(event.pk), event.metadata_json) for event in events if event.target_id}


def _comparable(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state with a kill as yes or no: columns and JSON keep other fractions of its second."""
    return {name: value is not None if name == "killed_at" else value for name, value in state.items()}


def _row(pk: UUID, event_id: str, values: Any, what: str) -> Row:
    """Return a row under a key that no event has: what is told here is already known to lack one."""
    return Row(f"{pk}:after {event_id}:{plain(values)}", pk, None, what)


def _nothing(fact: Fact) -> str | None:
    return None


def register() -> None:
    """Tell the log what to reconcile."""
    actions = frozenset({"flag.state", "flag.override_state", "flag.group_state"})
    item = Reconciliation("flags", actions, _unexplained, _nothing, urgent=True)
    RECONCILIATIONS.register(item.name, item)
