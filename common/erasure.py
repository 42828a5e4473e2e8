"""What erasing a person does to each table: every app says it for its own, and `accounts.services.erasure` runs it.

Free text is ciphertext of the person and goes with their key, wherever it lies; what is left in clear is listed here,
table by table, also where nothing is done, with the reason. A test holds the list against the database's tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from common.registries import Registry


@dataclass(frozen=True)
class Person:
    """Whom to erase: the athlete, and the log-in that goes with them (None where there is none of their own)."""

    athlete_id: UUID
    user_id: UUID | None

    @property
    def ids(self) -> tuple[UUID, ...]:
        """Return the ids under which the person has keys."""
        return (self.athlete_id, *self.user_ids)

    @property
    def user_ids(self) -> tuple[UUID, ...]:
        """Return the log-in's id, or nothing; a filter on a missing id would find everybody's rows without one."""
        return (self.user_id,) if self.user_id else ()


Rows = Callable[[Person], "QuerySet[Any]"]
Change = Callable[["QuerySet[Any]", Person], int]


@dataclass(frozen=True)
class TableErasure:
    """What happens to a person's rows of one table.

    `change` gets the rows and returns how many it changed; None where the rows stay, and `does` then says why.
    """

    table: str
    does: str
    rows: Rows
    change: Change | None = None

    @property
    def stays(self) -> bool:
        """Return whether the rows are left as they are."""
        return self.change is None


# By table. Erasing goes by `ERASURE.items()`, so that the order never depends on which app was loaded first.
ERASURE: Registry[TableErasure] = Registry("erasure by table", required=("accounts_athlete", "accounts_user"))


def erases(table: str, does: str, rows: Rows, change: Change | None = None) -> TableErasure:
    """Say what erasing a person does to a table.

    Raises:
        ValueError: the table is registered otherwise.
    """
    return ERASURE.register(table, TableErasure(table, does, rows, change))


def delete_rows(rows: QuerySet[Any], person: Person) -> int:
    """Delete the rows, as a `Change`."""
    return rows.delete()[0]
