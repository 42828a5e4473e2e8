"""What a table is made of beside its columns, read from PostgreSQL's catalogue, to be given to another table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

_INDEXES = """
    SELECT i.relname, pg_get_indexdef(i.oid), k.conname, x.indisunique,
           (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(x.indkey) WITH ORDINALITY u(attnum, n)
            JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.oid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u')
    WHERE x.indrelid = %s::regclass ORDER BY x.indisprimary DESC, i.relname
"""
_CONSTRAINTS = """
    SELECT conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype IN ('c', 'f', 'p', 'u') ORDER BY contype, conname
"""
_POLICIES = """
    SELECT polname, polpermissive, polcmd::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
           ARRAY(SELECT CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END
                 FROM unnest(polroles) role)
    FROM pg_policy WHERE polrelid = %s::regclass ORDER BY polname
"""
_GRANTS = """
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
           string_agg(privilege_type, ', ' ORDER BY privilege_type), is_grantable
    FROM pg_class, aclexplode(relacl) WHERE oid = %s::regclass AND grantee <> relowner GROUP BY 1, 3 ORDER BY 1
"""
_COMMANDS = {"*": "ALL", "r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
QUESTIONS = (
    ("a view or a rule reads it by its identity", "SELECT 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid "
     "WHERE d.refobjid = %s::regclass AND d.classid = 'pg_rewrite'::regclass"),
    ("other tables refer to it", "SELECT 1 FROM pg_constraint WHERE confrelid = %s::regclass"),
    ("it has triggers that are not ours", "SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal "
     "AND tgname NOT LIKE 'append\\_only\\_%%'"),
    ("single columns are granted", "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attacl IS NOT NULL"),
    ("it is published", "SELECT 1 FROM pg_publication_rel WHERE prrelid = %s::regclass"),
    ("it has statistics of several columns", "SELECT 1 FROM pg_statistic_ext WHERE stxrelid = %s::regclass"),
)  # fmt: skip
"""What would be lost when another table takes its name, and how to find it."""


@dataclass(frozen=True)
class Index:
    """definition: the whole CREATE INDEX. constraint: the primary or unique key that it belongs to."""

    name: str
    definition: str
    constraint: str | None
    is_unique: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Shape:
    """Everything of a table that LIKE does not bring along.

    constraints: name, kind (c, f, p, u) and definition. policies, grants: statements but for the table's name, which
    stands as `{table}` in them.
    """

    indexes: tuple[Index, ...]
    constraints: tuple[tuple[str, str, str], ...]
    policies: tuple[str, ...]
    grants: tuple[str, ...]
    is_secured: bool
    is_forced: bool
    is_guarded: bool

    @property
    def key(self) -> str:
        """Return the column of the primary key; "" where it is not one column."""
        primary = {name for name, kind, _ in self.constraints if kind == "p"}
        columns = [one.columns for one in self.indexes if one.constraint in primary]
        return columns[0][0] if columns and len(columns[0]) == 1 else ""

    def of_kind(self, kind: str) -> list[tuple[str, str]]:
        """Return names and definitions of the constraints of one kind."""
        return [(name, definition) for name, one, definition in self.constraints if one == kind]


def shape_of(table: str) -> Shape:
    """Return the shape of a table (PostgreSQL)."""
    [flags] = _rows("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [table])
    guards = "SELECT 1 FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s"
    return Shape(
        indexes=tuple(Index(row[0], row[1], row[2], row[3], tuple(row[4])) for row in _rows(_INDEXES, [table])),
        constraints=tuple(_rows(_CONSTRAINTS, [table])),
        policies=tuple(_policy(*row) for row in _rows(_POLICIES, [table])),
        grants=tuple(
            f"GRANT {what} ON {{table}} TO {who}{' WITH GRANT OPTION' if more else ''}"
            for who, what, more in _rows(_GRANTS, [table])
        ),
        is_secured=flags[0],
        is_forced=flags[1],
        is_guarded=bool(_rows(guards, [table, f"append_only_row_{table}"])),
    )


def unlike(table: str) -> list[str]:
    """Return why a table cannot be turned: what it has that the other one would not get."""
    found = [why for why, query in QUESTIONS if _rows(query, [table])]
    shape = shape_of(table)
    if not shape.key:
        found.append("its primary key is not one column")
    for index in shape.indexes:
        if index.is_unique and shape.key not in index.columns:
            found.append(f"{index.name} is unique without the key, which no partitioned table can hold")
    return found


def securing(shape: Shape, table: str) -> list[str]:
    """Return the statements that give a new table the rights and policies."""
    quoted = quote(table)
    former = "SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END "
    former += "FROM pg_class, aclexplode(relacl) WHERE oid = %s::regclass AND grantee <> relowner"
    statements = [f"REVOKE ALL ON {quoted} FROM {role}" for (role,) in _rows(former, [table])]
    statements += [one.replace("{table}", quoted) for one in shape.grants]
    names = _rows("SELECT polname FROM pg_policy WHERE polrelid = %s::regclass", [table])
    statements += [f"DROP POLICY {quote(name)} ON {quoted}" for (name,) in names]
    statements += [one.replace("{table}", quoted) for one in shape.policies]
    statements += [
        f"ALTER TABLE {quoted} {'ENABLE' if shape.is_secured else 'DISABLE'} ROW LEVEL SECURITY",
        f"ALTER TABLE {quoted} {'FORCE' if shape.is_forced else 'NO FORCE'} ROW LEVEL SECURITY",
    ]
    return statements


def quote(name: str) -> str:
    """Return a name as SQL has it."""
    return connection.ops.quote_name(name)


def _policy(
    name: str, permissive: bool, command: str, using: str | None, check: str | None, roles: Sequence[str]
) -> str:
    kind = "PERMISSIVE" if permissive else "RESTRICTIVE"
    text = f"CREATE POLICY {quote(name)} ON {{table}} AS {kind} FOR {_COMMANDS[command]} TO {', '.join(roles)}"
    return text + (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")


def _rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
