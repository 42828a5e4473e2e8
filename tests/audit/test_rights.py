"""What the application's own role cannot do to what must never change: on each guarded table, each statement."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from common.db_operations import guarded_tables
from tests.audit.log import sealed
from tests.plans.review import make_review, replace_op

pytestmark = pytest.mark.usefixtures("committed_database")

NEVER_CHANGE = {
    "audit_events",
    "audit_leaves",
    "audit_nodes",
    "audit_seals",
    "plan_versions",
    "plan_sessions",
    "plan_version_changes",
    "plan_comments",
    "plan_reviews",
    "plans_history",
    "accounts_user_history",
    "accounts_consent_history",
    "rollout_flag_history",
}

DDL = [
    "UPDATE {t} SET {c} = {c}",
    "DELETE FROM {t}",
    "TRUNCATE {t}",
    "TRUNCATE {t} CASCADE",
    "DROP TABLE {t} CASCADE",
    "ALTER TABLE {t} ADD COLUMN x int",
    "ALTER TABLE {t} RENAME TO x",
    "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} DISABLE TRIGGER append_only_row_{t}",
    "ALTER TABLE {t} DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE {t} OWNER TO app_rw",
    "ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT",
    "DROP TRIGGER append_only_row_{t} ON {t}",
    "CREATE TRIGGER x BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION append_only_refuse()",
    "CREATE RULE x AS ON INSERT TO {t} DO INSTEAD NOTHING",
    "CREATE POLICY x ON {t} USING (true)",
    "CREATE INDEX ON {t} ({c})",
    "INSERT INTO {t} SELECT * FROM {t} ON CONFLICT ({k}) DO UPDATE SET {c} = excluded.{c}",
    "MERGE INTO {t} USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "COPY {t} FROM PROGRAM 'true'",
    "LOCK TABLE {t} IN ACCESS EXCLUSIVE MODE",
]
ANYWHERE = [
    "SET session_replication_role = replica",
    "SET ROLE app_owner",
    "CREATE TABLE public.x (id int)",
    "CREATE OR REPLACE FUNCTION append_only_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE OR REPLACE FUNCTION audit_commit_offset() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
    "DROP FUNCTION append_only_refuse() CASCADE",
    "ALTER ROLE app_rw BYPASSRLS",
    "ALTER DATABASE {d} SET session_replication_role = replica",
]


def primary_key(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.get_primary_key_columns(cursor, table) or ["id"]


def statements_on(table: str) -> list[str]:
    key = primary_key(table)
    return [form.format(t=table, c=key[0], k=", ".join(key)) for form in DDL]


def allowed(statements: list[str]) -> list[str]:
    """Return the statements that the database did not refuse; nothing of them is kept."""
    passed = []
    for statement in statements:
        try:
            with transaction.atomic():
                connection.cursor().execute(statement)
                passed.append(statement)
                transaction.set_rollback(True)
        except DatabaseError as error:
            refused = ("permission denied", "must be owner", "must be superuser", "append-only", "must be member")
            assert any(text in str(error) for text in refused), (statement, error)
    return passed


@pytest.mark.postgres
def test_the_application_can_insert_into_guarded_tables_and_nothing_else() -> None:
    tables = guarded_tables(connection)
    assert tables >= NEVER_CHANGE
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("app_rw",)
    assert allowed([statement for table in sorted(tables) for statement in statements_on(table)]) == []
    assert allowed([form.format(d=connection.settings_dict["NAME"]) for form in ANYWHERE]) == []
    assert allowed(["SELECT 1"]) == ["SELECT 1"]


def test_even_with_rows_nothing_is_changed_removed_or_replaced() -> None:
    review = make_review()
    review.patch([replace_op(review.editable()[0], "title", "Easy")])
    review.submit()
    review.decide("accept")
    sealed()
    filled = []
    for table in sorted(guarded_tables(connection)):
        key = primary_key(table)[0]
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"SELECT count(*) FROM {table}")
                if not cursor.fetchone()[0]:
                    continue
        filled.append(table)
        statements = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"]
        if connection.vendor == "sqlite":
            statements += [
                f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
                f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
                f"UPDATE OR REPLACE {table} SET {key} = {key}",
            ]
        assert allowed(statements) == []
    assert set(filled) >= {"audit_events", "audit_leaves", "audit_seals", "plan_versions", "plan_reviews"}
