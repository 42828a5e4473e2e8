"""How long rows are kept: every app registers a rule a table, `manage.py retention` applies them.

Append-only tables refuse everybody but their owner, who may lift the guard within one transaction: where the command
runs as `app_owner` (on SQLite, as who owns the file), rules that are `removable` or `in_parts` go through as well;
otherwise, and in the nightly run, they are listed. A legal hold keeps every row that names the person.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models import Q, QuerySet

from common import clock
from common.context import register_service, unit_of_work
from common.models import IdempotencyKey, Job, ProcessSample, RequestRollup, ThrottleCounter
from common.partitioning.dropping import closed, drop_if_over, quietly
from common.partitioning.tables import Partition
from common.registries import Registry

RETENTION = register_service("retention")
OWNER_ONLY: Final = "needs the command as app_owner"
LISTED_ONLY: Final = "listed only: other rows hang on these"
_BATCH: Final = 1_000


class How(enum.Enum):
    """What becomes of rows whose time is over."""

    DELETE = "delete"
    OWNER = OWNER_ONLY


@dataclass(frozen=True)
class Part:
    """One line about rows that go together: `due` are over, `removed` went; `what` became of them, or why they stay."""

    name: str
    due: int
    removed: int
    what: str


@dataclass(frozen=True)
class Rule:
    """How long the rows of a table are kept.

    Args:
        setting: name in `settings.RETENTION` that says for how many days; 0 keeps for ever.
        age: the column that the time is counted from.
        only: which rows the rule is about; others stay.
        people: columns that name somebody who may be under a legal hold.
        removable: of an append-only table: nothing else hangs on its rows, so that their owner may remove them.
        in_parts: of an append-only table whose rows go together or not at all: what removes them (given the rule, the
            time and whether only to look) in transactions of its own and records it.
    """

    model: type[models.Model]
    setting: str
    age: str
    why: str
    how: How = How.DELETE
    only: Q = Q()
    people: tuple[str, ...] = ()
    removable: bool = False
    in_parts: Callable[[Rule, datetime, bool], list[Part]] | None = None

    @property
    def table(self) -> str:
        """Return the table's name."""
        return self.model._meta.db_table

    @property
    def keep(self) -> timedelta | None:
        """Return how long rows are kept; None for ever."""
        days = settings.RETENTION[self.setting]
        return timedelta(days=days) if days else None

    def over(self, now: datetime, held: frozenset[UUID]) -> QuerySet[Any]:
        """Return the rows whose time is over and that no legal hold keeps."""
        rows: QuerySet[Any] = self.model._default_manager.filter(self.only)
        if self.keep is None:
            return rows.none()
        rows = rows.filter(**{f"{self.age}__lt": now - self.keep})
        for column in self.people if held else ():
            rows = rows.filter(Q(**{f"{column}__isnull": True}) | ~Q(**{f"{column}__in": held}))
        return rows


@dataclass(frozen=True)
class Outcome:
    """One line of the report: `due` rows are over, `removed` of them went (0 in a dry run)."""

    table: str
    keep_days: int
    how: str
    why: str
    due: int
    removed: int
    parts: tuple[Part, ...] = ()


RULES: Registry[Rule] = Registry("retention rules", required=("idempotency_keys", "audit_events"))
# Filled by accounts: the ids of everybody under a legal hold, as athlete and as user.
HELD: Registry[Callable[[], frozenset[UUID]]] = Registry("legal holds", required=("accounts",))
# Called with (rule, rows) inside the transaction that removed them; audit fills it to record the removal.
REMOVED: Registry[Callable[[Rule, int], None]] = Registry("told of removals", required=("audit",))


def keeps(model: type[models.Model], setting: str, age: str, why: str, **more: Any) -> Rule:
    """Register how long the rows of a table are kept.

    Raises:
        KeyError: the setting has no such name.
        ValueError: the table has another rule.
    """
    settings.RETENTION[setting]
    rule = Rule(model, setting, age, why, **more)
    return RULES.register(rule.table, rule)


def apply_retention(*, dry_run: bool, as_owner: bool = False) -> list[Outcome]:
    """Remove what is over, table by table and in batches, or only count it; return a line for each rule.

    Runs as the service `retention`; what was removed is told to `REMOVED` in the transaction of the removal.
    Append-only tables are touched only where `as_owner` asks for it and this process is their owner.
    """
    now = clock.now()
    return [_apply(rule, now, dry_run, as_owner and runs_as_owner(rule.table)) for _, rule in RULES.items()]


def runs_as_owner(table: str) -> bool:
    """Return whether this connection owns a table (PostgreSQL), or this process the file (SQLite)."""
    if connection.vendor != "postgresql":
        return Path(connection.settings_dict["NAME"]).stat().st_uid == os.geteuid()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_userbyid(relowner) = current_user FROM pg_class WHERE relname = %s", [table])
        row = cursor.fetchone()
    return bool(row and row[0])


def held_ids() -> frozenset[UUID]:
    """Return the ids of everybody under a legal hold."""
    return frozenset().union(*(ids() for _, ids in HELD.items()))


def _apply(rule: Rule, now: datetime, dry_run: bool, is_owner: bool) -> Outcome:
    with unit_of_work(RETENTION, read_only=True):
        due = rule.over(now, held_ids()).count()
    is_ours = rule.how is How.DELETE or (is_owner and bool(rule.removable or rule.in_parts))
    removed, parts = 0, []
    if rule.in_parts and due and (is_ours or dry_run):
        parts = rule.in_parts(rule, now, dry_run)
        removed = sum(part.removed for part in parts)
    if is_ours and not dry_run:
        removed += _drop_months(rule, now)
    while not rule.in_parts and due and is_ours and not dry_run and (batch := _remove_some(rule, now)):
        removed += batch
    how = How.DELETE.value if is_ours else LISTED_ONLY if is_owner else rule.how.value
    return Outcome(rule.table, settings.RETENTION[rule.setting], how, rule.why, due, removed, tuple(parts))


def _drop_months(rule: Rule, now: datetime) -> int:
    """Drop each month of a partitioned table of which every row is over, in a transaction of its own.

    Of a table whose rows go in parts only what they left empty: dropping is theirs to decide.
    """
    months = closed(rule.table) if rule.keep is not None else []
    return sum(quietly(partial(_drop_month, rule, now, month)) or 0 for month in months)


def _drop_month(rule: Rule, now: datetime, month: Partition) -> int | None:
    with unit_of_work(RETENTION):
        rows = rule.model._default_manager.all()
        over = rows.none() if rule.in_parts else rule.over(now, held_ids())
        removed = drop_if_over(rule.table, month, rows, over)
        for _, tell in REMOVED.items() if removed else ():
            tell(rule, removed or 0)
        return removed


def _remove_some(rule: Rule, now: datetime) -> int:
    """Remove a batch in a transaction of its own. Holds are read again: one that was placed meanwhile counts."""
    with unit_of_work(RETENTION):
        pks = list(rule.over(now, held_ids()).order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not pks:
            return 0
        with guard_lifted(rule.table) if rule.how is How.OWNER else nullcontext():
            _, by_model = rule.model._default_manager.filter(pk__in=pks).delete()
        removed = by_model.get(rule.model._meta.label, 0)
        for _, tell in REMOVED.items():
            tell(rule, removed)
        return removed


@contextmanager
def guard_lifted(table: str) -> Iterator[None]:
    """Let the owner delete rows of an append-only table until the block ends; an error rolls the lifting back too.

    Nobody else writes to the table until the transaction ends.
    """
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            lift, put_back = (
                f"ALTER TABLE {quote(table)} {do} TRIGGER {quote(f'append_only_row_{table}')}"
                for do in ("DISABLE", "ENABLE ALWAYS")
            )
        else:
            name = f"append_only_delete_{table}"
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = %s", [name])
            lift, put_back = f"DROP TRIGGER {quote(name)}", cursor.fetchone()[0]
        cursor.execute(lift)
        yield
        cursor.execute(put_back)


def register() -> None:
    """Register the rules of our own tables."""
    answered = "a client repeats a request within a day; the answer is ciphertext until then"
    keeps(IdempotencyKey, "idempotency_keys", "created_at", answered, people=("user_id",))
    done = Q(state__in=("done", "failed"))
    people = ("subject_id", "requested_by_id")
    keeps(Job, "jobs", "finished_at", "finished work is history; its results have tables", only=done, people=people)
    keeps(RequestRollup, "request_rollups", "minute", "how fast and how often, without a person; enough for a season")
    keeps(ProcessSample, "request_rollups", "at", "how much memory and time a process used; as long as its requests")
    keeps(ThrottleCounter, "throttle_counters", "expires_at", "a window that is over limits nobody")
