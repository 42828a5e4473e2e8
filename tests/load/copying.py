"""Copying the templates' rows in PostgreSQL, by COPY and as the owner of the server: no foreign key is looked up.

Bounded: what is held is the templates' rows and one copy of one table. A copy is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql

from common.context import COMMAND_LINE, unit_of_work
from common.keys import key_ring
from tests.load.tokens import COMMIT_ORDER, COPY, Pattern, bytea, copied_name, encrypted, pattern, rehashed, renamed

ATHLETES: Final = "athlete_id = ANY(%(athletes)s)"
TABLES: Final = {
    "accounts_user": "id = ANY(%(users)s)",
    "accounts_user_history": "id = ANY(%(users)s)",
    "accounts_team": "id = ANY(%(teams)s)",
    "accounts_teammembership": "team_id = ANY(%(teams)s)",
    "accounts_athlete": "id = ANY(%(athletes)s)",
    "accounts_athlete_history": "id = ANY(%(athletes)s)",
    "notifications": "user_id = ANY(%(users)s)",
    "audit_events": "subject_id = ANY(%(athletes)s) OR target_id = ANY(%(users)s)",
    **dict.fromkeys(
        (
            "accounts_coachlink",
            "accounts_coachlink_history",
            "accounts_consent",
            "accounts_consent_history",
            "modeling_activity",
            "modeling_fit",
            "modeling_test",
            "modeling_threshold",
            "plans",
            "plans_history",
            "plan_generations",
            "plan_versions",
            "plan_contents",
            "plan_sessions",
            "plan_version_changes",
            "plan_comments",
            "plan_comment_tags",
            "plan_reviews",
            "plan_looks",
            "session_completions",
            "cycle_feedback",
        ),
        ATHLETES,
    ),
}
"""Which rows of each table belong to the templates. Left out: the outbox (nothing is told twice), jobs, log-ins."""
BULK: Final = frozenset({"modeling_activity", "plan_contents", "plan_sessions", "session_completions", "audit_events"})
"""Left out of copies that are there for lists alone."""
_OWN_IDS: Final = {"plan_sessions": ["session_id"], "plan_comment_tags": ["set_id"]}
"""Ids that are no row's key."""
_SEALED: Final = {"plan_comments": "message", "session_completions": "note"}
"""Free text; no other column of the templates' rows has any."""


@dataclass(frozen=True)
class Templates:
    """Rows of the templates as text with gaps, and what fills the gaps.

    rows: by table its columns and text. documents: by their SHA-256. sealed: subject and text by ciphertext.
    """

    rows: dict[str, tuple[Sequence[str], Pattern]]
    ids: frozenset[str]
    documents: dict[str, Pattern]
    sealed: dict[str, tuple[str, str]]


def read_templates(server: psycopg.Connection[Any], athletes: Sequence[UUID]) -> Templates:
    """Return the templates' rows.

    Raises:
        LookupError: none of these athletes is there.
    """
    whose = _whose(server, athletes)
    ids = frozenset(_ids(server, whose))
    sealed = _sealed(server, whose)
    stored = "SELECT content_sha256, document FROM plan_contents c JOIN plan_versions v ON v.id = c.version_id"
    texts = dict(server.execute(f"{stored} WHERE c.athlete_id = ANY(%(athletes)s)", whose).fetchall())  # type: ignore[arg-type]
    known = ids | texts.keys() | sealed.keys() | {COPY, COMMIT_ORDER}
    rows = {table: _rows(server, table, whose, known) for table in TABLES}
    return Templates(rows, ids, {key: pattern(text, known) for key, text in texts.items()}, sealed)


def add_copy(server: psycopg.Connection[Any], templates: Templates, number: int, *, whole: bool) -> int:
    """Insert copy `number` in one transaction and return how many rows that were; `whole` with what `BULK` names."""
    becomes = renamed(templates.ids, number)
    becomes |= rehashed(templates.documents, becomes)
    becomes |= encrypted(templates.sealed, becomes, _encryption(templates, becomes))
    inserted = 0
    with server.transaction():
        server.execute("SET LOCAL session_replication_role = replica")
        [becomes[COMMIT_ORDER]] = server.execute("SELECT audit_commit_order()::text").fetchone() or [""]
        for table, (columns, text) in templates.rows.items():
            if whole or table not in BULK:
                inserted += _insert(server, table, columns, text.filled(becomes))
    return inserted


def copies(server: psycopg.Connection[Any]) -> int:
    """Return how many copies there are, the templates themselves counted; 0 where there are no templates."""
    row = server.execute(
        "SELECT count(*) FROM accounts_team WHERE name LIKE %s", ["Synthetic team copy_____"]
    ).fetchone()
    assert row is not None
    return int(row[0])


def template_athletes(server: psycopg.Connection[Any]) -> list[UUID]:
    """Return the templates' athletes."""
    query = "SELECT a.id FROM accounts_athlete a JOIN accounts_team t ON t.id = a.team_id WHERE t.name = %s"
    return [pk for (pk,) in server.execute(query, [f"Synthetic team {copied_name(0)}"]).fetchall()]


def _whose(server: psycopg.Connection[Any], athletes: Sequence[UUID]) -> dict[str, list[UUID]]:
    query = "SELECT user_id, team_id FROM accounts_athlete WHERE id = ANY(%s)"
    found = server.execute(query, [list(athletes)]).fetchall()
    if not found:
        raise LookupError("there are no templates in this database")
    teams = sorted({team for _, team in found})
    staff = server.execute("SELECT user_id FROM accounts_teammembership WHERE team_id = ANY(%s)", [teams]).fetchall()
    users = sorted({user for user, _ in found} | {user for (user,) in staff})
    return {"athletes": list(athletes), "users": users, "teams": teams}


def _ids(server: psycopg.Connection[Any], whose: dict[str, list[UUID]]) -> set[str]:
    """Return every key of the templates' rows, and their sessions' ids."""
    found: set[str] = set()
    for table, condition in TABLES.items():
        keys = ["id"] + (["history_id"] if table.endswith("_history") else [])
        keys += _OWN_IDS.get(table, [])
        for key in keys:
            query = sql.SQL("SELECT {}::text FROM {} WHERE ").format(sql.Identifier(key), sql.Identifier(table))
            found.update(one for (one,) in server.execute(query + sql.SQL(condition), whose))  # type: ignore[arg-type]
    return found


def _sealed(server: psycopg.Connection[Any], whose: dict[str, list[UUID]]) -> dict[str, tuple[str, str]]:
    found = {}
    for table, column in _SEALED.items():
        query = sql.SQL("SELECT athlete_id, {0} FROM {1} WHERE {0} IS NOT NULL AND ").format(
            sql.Identifier(column), sql.Identifier(table)
        )
        rows = server.execute(query + sql.SQL(ATHLETES), whose).fetchall()  # type: ignore[arg-type]
        with unit_of_work(COMMAND_LINE, read_only=True):
            keys = key_ring({subject for subject, _ in rows})
        for subject, cipher in rows:
            found[bytea(cipher)] = (str(subject), keys.decrypt(subject, bytes(cipher)))
    return found


def _rows(
    server: psycopg.Connection[Any], table: str, whose: dict[str, list[UUID]], known: set[str] | frozenset[str]
) -> tuple[Sequence[str], Pattern]:
    cursor = server.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(sql.Identifier(table)))
    columns = [column.name for column in cursor.description or ()]
    told = [sql.Literal(COMMIT_ORDER) if name == "xact_id" else sql.Identifier(name) for name in columns]
    query = sql.SQL("COPY (SELECT {} FROM {} WHERE {} ORDER BY id) TO STDOUT").format(
        sql.SQL(", ").join(told), sql.Identifier(table), sql.SQL(TABLES[table])
    )
    with server.cursor().copy(query, whose) as stream:
        return columns, pattern(b"".join(bytes(part) for part in stream).decode(), known)


def _encryption(templates: Templates, becomes: dict[str, str]) -> Callable[[str, str], bytes]:
    subjects = {UUID(becomes[subject]) for subject, _ in templates.sealed.values()}
    with unit_of_work(COMMAND_LINE):
        keys = key_ring(subjects, create=True)
    return lambda subject, text: keys.encrypt(UUID(subject), text)


def _insert(server: psycopg.Connection[Any], table: str, columns: Sequence[str], text: str) -> int:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    cursor = server.cursor()
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)) as stream:
        stream.write(text)
    return cursor.rowcount
