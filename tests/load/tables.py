"""Rows and bytes of an athlete and year by table, from a database that `tests.load.populate` filled.

What a year brings is counted where the histories tell it (activities, tests, completions), and assumed where somebody
decides it: `PLANS` and `IMPORTS` a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

PLANS: Final = 3
"""Assumption: plans that an athlete asks for a year."""
IMPORTS: Final = 52
"""Assumption: a file or a synchronisation a week, each followed by a fit."""
_YEARS = (
    "SELECT sum((until - since + 1) / 365.25) FROM "
    "(SELECT min({day}) since, max({day}) until FROM {table} GROUP BY athlete_id) spans"
)
_OTHERS = "('session.complete', 'history.import', 'model.fit')"
_STREAMED = "('session.completed', 'activity.imported', 'model.fitted')"


@dataclass(frozen=True)
class Table:
    """A table and what its rows come with.

    by: `year` (rows of the histories over the years they span), `plan` (rows a plan, `PLANS` times), `import`
    (`IMPORTS` rows), `log` and `outbox` (rows of all three). kept: days after which retention removes them; 0 for ever
    or seven years.
    """

    name: str
    by: str
    day: str = "day"
    kept: int = 0


TABLES: Final = (
    Table("plan_sessions", "plan"),
    Table("modeling_activity", "year"),
    Table("modeling_fit", "import"),
    Table("plan_versions", "plan"),
    Table("plan_contents", "plan"),
    Table("audit_events", "log"),
    Table("audit_leaves", "log"),
    Table("session_completions", "year"),
    Table("modeling_test", "year"),
    Table("notifications", "plan", kept=366),
    Table("plans_history", "plan"),
    Table("plan_version_changes", "plan"),
    Table("plan_reviews", "plan"),
    Table("plan_generations", "plan"),
    Table("plan_comments", "plan"),
    Table("plan_comment_tags", "plan"),
    Table("plans", "plan"),
    Table("telemetry_outbox", "outbox", kept=90),
)


def per_athlete_year(server: psycopg.Connection[Any], table: Table) -> dict[str, float]:
    """Return `row` (bytes of one, with TOAST and indexes), `rows` a year, and `bytes` a year; `kept` days where few."""
    name = sql.Identifier(table.name)
    size = _one(server, sql.SQL("SELECT pg_total_relation_size({})").format(sql.Literal(table.name)))
    counted = _one(server, sql.SQL("SELECT count(*) FROM {}").format(name))
    row, rows = size / max(counted, 1), _rows(server, table, counted)
    found = {"row": round(row), "rows": round(rows, 1), "bytes": round(row * rows)}
    return found | ({"kept_days": table.kept} if table.kept else {})


def _rows(server: psycopg.Connection[Any], table: Table, counted: float) -> float:
    match table.by:
        case "year":
            years = sql.SQL(_YEARS).format(day=sql.Identifier(table.day), table=sql.Identifier(table.name))  # type: ignore[arg-type]
            return counted / float(_one(server, years))
        case "import":
            return float(IMPORTS)
        case "plan":
            return PLANS * counted / _plans(server, table.name)
        case "log":
            others = _one(server, sql.SQL(f"SELECT count(*) FROM audit_events WHERE action NOT IN {_OTHERS}"))  # type: ignore[arg-type]
            return PLANS * others / _plans(server, "plan_contents") + 2 * IMPORTS + _done(server)
    streamed = sql.SQL(f"SELECT count(*) FROM telemetry_outbox WHERE type NOT IN {_STREAMED}")  # type: ignore[arg-type]
    generated = "SELECT count(*) FROM telemetry_outbox WHERE type = 'plan.generated'"
    return PLANS * _one(server, streamed) / _one(server, sql.SQL(generated)) + 2 * IMPORTS + _done(server)


def _done(server: psycopg.Connection[Any]) -> float:
    """Return completions of an athlete and year."""
    completions = next(one for one in TABLES if one.name == "session_completions")
    return _rows(server, completions, _one(server, sql.SQL("SELECT count(*) FROM session_completions")))


def _plans(server: psycopg.Connection[Any], table: str) -> float:
    """Return how many plans the rows of a table are of; copies for lists have no bulk."""
    bulk = table in ("plan_sessions", "plan_contents")
    query = "SELECT count(DISTINCT athlete_id) FROM plan_contents" if bulk else "SELECT count(*) FROM plans"
    return _one(server, sql.SQL(query))


def _one(server: psycopg.Connection[Any], query: sql.Composable) -> float:
    row = server.execute(query).fetchone()
    assert row is not None
    return float(row[0])
