"""Erasure and withdrawn consent, as far as what already left: the outbox, dead letters and Parquet files.

Whoever erases or withdraws notes it here in the same transaction; the work itself is done soon after, and again from
the start where it was cut off. Consumers of Kafka are told by `person.forgotten` and `consent.recorded`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from audit.services import record
from common import clock
from common.alerts import Severity, raise_alert
from common.context import unit_of_work
from telemetry.forgetting import FORGOTTEN, Forget, what_is_left
from telemetry.models import DeadLetter, Forgetting, OutboxEvent, Scope
from telemetry.selectors import FILES, whom
from telemetry.services.emit import emit
from telemetry.services.relay import hold_all_partitions
from telemetry.sinks import SinkUnavailable
from telemetry.tokens import person_tokens


@dataclass(frozen=True)
class Forgotten:
    """What a run came to: requests that are done, events changed or removed in outbox and files, files rewritten."""

    requests: int = 0
    events: int = 0
    files: int = 0
    broken: list[str] = field(default_factory=list)


def forget_person(person_id: UUID) -> Forgetting:
    """Let nothing about a person be left, and tell consumers by every token that the person ever had.

    Raises:
        NoContext: no writable unit of work is open.
    """
    emit(FORGOTTEN, aggregate_id=person_id, data={"tokens": person_tokens(person_id)})
    return Forgetting.objects.create(subject_id=person_id, scope=Scope.PERSON, until=clock.now())


def forget_experiments(athlete_id: UUID) -> Forgetting:
    """Let nothing be left of the experiments that an athlete was in until now."""
    return Forgetting.objects.create(subject_id=athlete_id, scope=Scope.EXPERIMENTS, until=clock.now())


def forget_due() -> Forgotten:
    """Do what was noted. First no relay may still bring what is to go, then the files are rewritten, then it is done.

    Files that cannot be read leave the requests open, and the team is told.

    Raises:
        SinkUnavailable: there are files, and pyarrow is not installed.
    """
    with unit_of_work(FILES, read_only=True):
        noted = list(Forgetting.objects.filter(done_at=None).order_by("id"))
    if not noted:
        return Forgotten()
    forget = whom(noted)
    with unit_of_work(FILES):
        hold_all_partitions()
        events = _clean(OutboxEvent, forget) + _clean(DeadLetter, forget)
    rewritten = rewriting_module().forget_in_files(folder(), forget) if folder().is_dir() else None
    if rewritten is not None and rewritten.broken:
        tell_broken(rewritten.broken)
        return Forgotten(0, events + rewritten.rows, rewritten.files, rewritten.broken)
    files, rows = (rewritten.files, rewritten.rows) if rewritten is not None else (0, 0)
    with unit_of_work(FILES):
        for one in noted:
            one.done_at = clock.now()
            one.save(update_fields=["done_at"])
            record("telemetry.forget", target_id=one.pk, metadata={"scope": one.scope})
    return Forgotten(len(noted), events + rows, files)


def folder() -> Path:
    """Return where the files are."""
    return Path(settings.TELEMETRY_DIR)


def rewriting_module() -> Any:
    """Return what rewrites files.

    Raises:
        SinkUnavailable: pyarrow is not installed.
    """
    try:
        from telemetry.sinks import rewriting
    except ImportError as error:
        raise SinkUnavailable("Parquet files need pyarrow, which is not installed: install [warehouse].") from error
    return rewriting


def tell_broken(broken: list[str]) -> None:
    """Alert the team to files that cannot be read, once a day."""
    text = f"{len(broken)} telemetry files cannot be read, and were left as they are: {'; '.join(broken[:5])}"
    key = f"telemetry files:{clock.today().isoformat()}"
    raise_alert("telemetry files", severity=Severity.WARNING, text=text, dedupe_key=key)


def _clean(model: type[Model], forget: Forget) -> int:
    """Delete or change the stored events of those to forget; return how many."""
    changed = 0
    for row in _naming(model, frozenset(forget.people | forget.withdrawn.keys())):
        before, text = row.data.get("data"), json.dumps(row.data)
        left = None  # a dead letter may hold anything
        if isinstance(before, dict):
            left = what_is_left(forget, name=row.type, time=row.occurred_at, text=text, data=before)
        if left is None:
            row.delete()
        elif left is not before:
            row.data = {**row.data, "data": left}
            row.save(update_fields=["data"])
        changed += left is not before
    return changed


def _naming(model: Any, tokens: frozenset[str]) -> QuerySet[Any]:
    """Return the events in which a token occurs, which takes a look at each."""
    said = reduce(or_, (Q(text__contains=token) for token in sorted(tokens)))
    found: QuerySet[Any] = model.objects.annotate(text=Cast("data", TextField())).filter(said)
    return found
