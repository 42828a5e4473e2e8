"""Tables partitioned by month on PostgreSQL: there, in use, and back to exactly what they were."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.operations import AddField
from django.db.migrations.state import ProjectState
from django.db.models import IntegerField

from accounts.services.holds import place_hold
from audit.models import AuditEvent
from common import clock, retention
from common.context import unit_of_work
from common.db_operations import AppendOnly, RowLevelSecurity, guarded_tables
from common.errors import WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from common.partitioning.ahead import make_ahead
from common.partitioning.months import bound, later, month_of
from common.partitioning.shape import shape_of
from common.partitioning.tables import (
    PARTITIONABLE,
    Partitionable,
    is_partitioned,
    months_ahead,
    partitions,
    strays,
)
from common.partitioning.turning import Patience, turn
from common.retention import Outcome, apply_retention
from telemetry.models import AlertRule, OutboxEvent
from telemetry.monitored import _months_ahead, _rows_of_no_month
from tests.audit.log import as_app_owner
from tests.factories import make_athlete, make_user
from tests.support.databases import ADMIN_URL

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("committed_database")]

TABLES = ("audit_events", "telemetry_outbox")
THIS = month_of(datetime.now(UTC))
CATALOGUE = """
    SELECT 'column', attname::text, format_type(atttypid, atttypmod) || attnotnull ||
           coalesce(pg_get_expr(adbin, adrelid), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid
           AND adnum = attnum WHERE attrelid = %(t)s::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'index', indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
           FROM pg_index WHERE indrelid = %(t)s::regclass
    UNION ALL SELECT 'constraint', conname::text, pg_get_constraintdef(oid) FROM pg_constraint
           WHERE conrelid = %(t)s::regclass
    UNION ALL SELECT 'policy', polname::text, polcmd::text || coalesce(pg_get_expr(polqual, polrelid), '') ||
           coalesce(pg_get_expr(polwithcheck, polrelid), '') || polroles::regrole[]::text FROM pg_policy
           WHERE polrelid = %(t)s::regclass
    UNION ALL SELECT 'trigger', tgname::text, tgenabled::text || pg_get_triggerdef(oid) FROM pg_trigger
           WHERE tgrelid = %(t)s::regclass AND NOT tgisinternal
    UNION ALL SELECT 'right', pg_get_userbyid(grantee)::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)
           FROM pg_class, aclexplode(relacl) WHERE oid = %(t)s::regclass GROUP BY 2
    UNION ALL SELECT 'table', relname::text, concat(relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner))
           FROM pg_class WHERE oid = %(t)s::regclass
    ORDER BY 1, 2, 3
"""


def rows(query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def catalogue(table: str) -> list[tuple[Any, ...]]:
    return rows(CATALOGUE, {"t": table})


def run(*arguments: str, **options: Any) -> dict[str, Any]:
    out = io.StringIO()
    with as_app_owner():
        call_command("partition", *arguments, as_json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def key_in(months: int) -> UUID:
    """Return a new key of the middle of a month, so many from this one."""
    middle = bound(later(THIS, months)).int + ((14 * 86_400_000) << 80)
    return UUID(int=middle | (0x7 << 76) | (0b10 << 62) | (uuid4().int & ((1 << 62) - 1)))


def outbox(months: int, *, published_days_ago: float | None = None) -> UUID:
    published = clock.now() - timedelta(days=published_days_ago) if published_days_ago is not None else None
    key = key_in(months)
    OutboxEvent.objects.create(
        id=key, type="test.event", aggregate_id=uuid7(), partition=0, data={}, published_at=published
    )
    return key


def where(table: str, key: UUID) -> str:
    with as_app_owner():
        return str(rows(f"SELECT tableoid::regclass::text FROM {table} WHERE id = %s", [key])[0][0])


def named(months: int, table: str = "telemetry_outbox") -> str:
    return f"{table}_{later(THIS, months):%Y%m}"


def months_past(months: int) -> Any:
    """Let the clock stand early in a month before this one, so that there are months which have ended."""
    start = later(THIS, -months)
    return clock.frozen(datetime(start.year, start.month, 2, tzinfo=UTC))


@pytest.fixture
def with_past() -> None:
    """The outbox, turned five months ago: the first partition ends four months ago, and each month since is there."""
    with months_past(5):
        run("telemetry_outbox")
    with months_past(2):
        run(ahead=True)
    run(ahead=True)


def an_event() -> AuditEvent:
    """Return an event that the application itself wrote."""
    with unit_of_work(COMMAND_LINE):
        make_user()
    with unit_of_work(COMMAND_LINE, read_only=True):
        return AuditEvent.objects.order_by("-id")[0]


def test_there_and_back_leaves_every_index_right_and_trigger():
    functions = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'partition\\_%%'"
    for table in TABLES:
        before = catalogue(table)
        told = run(table)
        assert told["tables"][0]["partitioned"] == "yes"
        assert told["tables"][0]["months ahead"] >= 3
        assert catalogue(table) == before
        assert run(table, back=True)["tables"][0]["partitioned"] == "no"
        assert catalogue(table) == before
    assert rows(functions, []) == [(0,)]


def test_rows_before_and_after_are_the_same_and_reach_their_months():
    event = an_event()
    old = outbox(0)
    run("audit_events"), run("telemetry_outbox")
    assert where("audit_events", event.pk) == "audit_events_first"
    assert where("telemetry_outbox", old) == "telemetry_outbox_first"
    new = [outbox(months) for months in (1, 2, 3)]
    # Within the last week of a month the first partition has the next month as well.
    first = partitions("telemetry_outbox")[0].ends
    for months, key in enumerate(new, start=1):
        start = later(THIS, months)
        inside = first is not None and datetime(start.year, start.month, 1, tzinfo=UTC) < first
        assert where("telemetry_outbox", key) == ("telemetry_outbox_first" if inside else named(months))
    run("audit_events", back=True), run("telemetry_outbox", back=True)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert set(OutboxEvent.objects.filter(type="test.event").values_list("pk", flat=True)) == {old, *new}
        again = AuditEvent.objects.get(pk=event.pk)
    assert (again.action, again.xact_id, again.metadata_json) == (event.action, event.xact_id, event.metadata_json)


def test_the_application_keeps_its_rights_and_gets_none_on_partitions():
    run("audit_events")
    event = an_event()
    assert rows("SELECT count(*) > 0 FROM audit_events") == [(True,)]
    for statement in ("UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"):
        with pytest.raises(DatabaseError, match="permission denied"):
            rows(statement)
    for part in partitions("audit_events"):
        for role in ("app_rw", "app_ro", "app_audit"):
            rights = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
            assert rows("SELECT has_table_privilege(%s, %s, %s)", [role, part.name, rights]) == [(False,)]
    assert rows("SELECT has_table_privilege('app_audit', 'audit_events', 'SELECT')") == [(True,)]
    assert "audit_events" in guarded_tables(connection)
    assert where("audit_events", event.pk).startswith("audit_events_")


def test_the_owner_is_refused_on_the_table_and_on_each_partition():
    an_event()
    run("audit_events")
    with psycopg.connect(ADMIN_URL, dbname=connection.settings_dict["NAME"], autocommit=True) as owner:
        owner.execute("SET ROLE app_owner")
        parts = [one.name for one in partitions("audit_events")]
        # A row trigger fires for rows; TRUNCATE is refused on empty partitions as well.
        refused = [f"TRUNCATE {table}" for table in ("audit_events", *parts)]
        for table in ("audit_events", "audit_events_first"):
            refused += [f"UPDATE {table} SET action = 'x'", f"DELETE FROM {table}"]
        for statement in refused:
            with pytest.raises(psycopg.IntegrityError, match="append-only"):
                owner.execute(statement)  # type: ignore[arg-type]
    with psycopg.connect(ADMIN_URL, dbname=connection.settings_dict["NAME"], autocommit=True) as server:
        server.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.IntegrityError, match="append-only"):
            server.execute("DELETE FROM audit_events")


def test_setting_up_again_gives_nobody_a_way_around():
    run("audit_events")
    name = connection.settings_dict["NAME"]
    before = {one.name: catalogue(one.name) for one in partitions("audit_events")}
    call_command("setup_database", admin_url=ADMIN_URL, name=name, as_json=True, stdout=io.StringIO())
    assert {one.name: catalogue(one.name) for one in partitions("audit_events")} == before


def test_the_next_months_are_made_ahead_by_the_application(with_past: None):
    last = named(3)
    with as_app_owner():
        rows(f"DROP TABLE {last}")
    assert months_ahead("telemetry_outbox", clock.now()) == 2
    assert make_ahead() == {"telemetry_outbox": 1}  # as app_rw, which owns nothing
    assert months_ahead("telemetry_outbox", clock.now()) == 3
    assert make_ahead() == {"telemetry_outbox": 0}
    assert catalogue(last)[-1][2] == "ttapp_owner"


def test_a_row_without_its_month_is_kept_told_of_and_put_where_it_belongs(with_past: None):
    with as_app_owner():
        rows(f"DROP TABLE {named(1)}")
    key = outbox(1)
    assert where("telemetry_outbox", key) == "telemetry_outbox_rest"
    now = clock.now()
    [rest], [ahead] = _rows_of_no_month(now, now), _months_ahead(now, now)
    assert (rest.label, rest.value, rest.text) == ("telemetry_outbox", 1.0, f"{later(THIS, 1):%Y-%m}")
    assert ahead.value == 0.0
    rules = {rule.metric: rule for rule in AlertRule.objects.filter(metric__startswith="partitions.")}
    assert rules["partitions.rest"].threshold <= rest.value
    assert ahead.value < rules["partitions.ahead"].threshold
    make_ahead()
    assert where("telemetry_outbox", key) == named(1)
    assert strays("telemetry_outbox") == {}
    assert [one.value for one in _rows_of_no_month(now, now)] == [0.0]


def test_events_of_no_month_are_moved_past_their_guard_and_the_guard_stands_again():
    run("audit_events")
    with as_app_owner():
        rows(f"DROP TABLE {named(2, 'audit_events')}")
    key = key_in(2)
    AuditEvent.objects.create(
        id=key, actor_role="test", action="test.edit", target_type="thing", request_id=uuid7(), metadata_json={}
    )
    assert where("audit_events", key) == "audit_events_rest"
    make_ahead()
    assert where("audit_events", key) == named(2, "audit_events")
    with as_app_owner(), pytest.raises(DatabaseError, match="append-only"):
        rows("DELETE FROM audit_events WHERE id = %s", [key])
    query = "SELECT DISTINCT tgenabled FROM pg_trigger WHERE tgname = 'append_only_row_audit_events'"
    assert rows(query) == [("A",)]


def outcome(table: str, outcomes: list[Outcome]) -> Outcome:
    return next(one for one in outcomes if one.table == table)


def test_retention_drops_months_of_which_every_row_is_over(with_past: None, settings: Any):
    settings.RETENTION = {**settings.RETENTION, "telemetry": 45}
    gone = [outbox(-5, published_days_ago=150), outbox(-4, published_days_ago=120), outbox(-3, published_days_ago=90)]
    waits = outbox(-2)  # never published: stays
    also_gone = outbox(-2, published_days_ago=60)
    fresh = outbox(0, published_days_ago=0)
    before = {one.name for one in partitions("telemetry_outbox")}
    assert outcome("telemetry_outbox", apply_retention(dry_run=True)).due == 4
    assert {one.name for one in partitions("telemetry_outbox")} == before
    told = outcome("telemetry_outbox", apply_retention(dry_run=False))
    assert (told.due, told.removed) == (4, 4)
    with unit_of_work(COMMAND_LINE, read_only=True):
        left = set(OutboxEvent.objects.values_list("pk", flat=True))
        removals = AuditEvent.objects.filter(action="retention.remove").order_by("id")
        counts = [one["rows"] for one in removals.values_list("metadata_json", flat=True)]
    assert left >= {waits, fresh} and not left & {*gone, also_gone}
    assert counts == [1, 1, 1, 1]
    assert before - {one.name for one in partitions("telemetry_outbox")} == {
        "telemetry_outbox_first",
        named(-4),
        named(-3),
        named(-1),  # ended, and empty
    }


def test_the_month_that_still_runs_and_a_month_with_a_newer_row_stay(with_past: None):
    with pytest.raises(DatabaseError, match="no partition .* that is over"):
        rows("SELECT partition_drop('telemetry_outbox', %s, 0)", [named(0)])
    with pytest.raises(DatabaseError, match="no partition .* that is over"):
        rows("SELECT partition_drop('telemetry_outbox', 'telemetry_outbox_rest', 0)")
    outbox(-1)
    with pytest.raises(DatabaseError, match="has 1 rows, not 0"):
        rows("SELECT partition_drop('telemetry_outbox', %s, 0)", [named(-1)])


def test_of_the_log_the_owner_alone_drops_months_and_only_what_its_segments_left_empty(settings: Any):
    settings.RETENTION = {**settings.RETENTION, "audit": 30}
    with as_app_owner():
        rows("ALTER TABLE audit_events DISABLE TRIGGER USER")
        rows("DELETE FROM audit_events")
        rows("ALTER TABLE audit_events ENABLE ALWAYS TRIGGER append_only_row_audit_events")
        rows("ALTER TABLE audit_events ENABLE ALWAYS TRIGGER append_only_truncate_audit_events")
    with months_past(4):
        run("audit_events")
    run(ahead=True)
    kept = key_in(-2)
    AuditEvent.objects.create(
        id=kept, occurred_at=clock.now() - timedelta(days=60), actor_role="test", action="test.edit",
        target_type="thing", request_id=uuid7(), metadata_json={},
    )  # fmt: skip
    empty, full = named(-1, "audit_events"), named(-2, "audit_events")
    with pytest.raises(DatabaseError, match="only its owner"):
        rows("SELECT partition_drop('audit_events', %s, 0)", [empty])
    apply_retention(dry_run=False)
    names = {one.name for one in partitions("audit_events")}
    assert {empty, full} <= names
    with as_app_owner():
        told = outcome("audit_events", apply_retention(dry_run=False, as_owner=True))
    names = {one.name for one in partitions("audit_events")}
    assert empty not in names and full in names
    assert told.removed == 0


def test_functions_of_the_application_touch_no_other_table():
    run("telemetry_outbox")
    for table in ("jobs", "pg_authid", "telemetry_outbox_rest", "nothing", 'x"; DROP TABLE jobs'):
        with pytest.raises(DatabaseError):
            rows("SELECT partition_make(%s, %s)", [table, THIS])
        with pytest.raises(DatabaseError):
            rows("SELECT partition_drop(%s, 'jobs', 0)", [table])
    with pytest.raises(DatabaseError, match="within reach"):
        rows("SELECT partition_make('telemetry_outbox', %s)", [later(THIS, 15)])
    with pytest.raises(DatabaseError, match="permission denied"):
        rows("SELECT partition_protect('jobs', 'jobs')")


def plan(query: str, parameters: Any = None) -> str:
    return "\n".join(line for (line,) in rows(f"EXPLAIN (COSTS OFF) {query}", parameters))


def test_a_query_by_key_reads_the_partitions_of_its_months_alone(with_past: None):
    by_key = plan("SELECT * FROM telemetry_outbox WHERE id = %s", [key_in(-1)])
    assert named(-1) in by_key
    assert named(0) not in by_key and "rest" not in by_key and "first" not in by_key
    span = plan("SELECT * FROM telemetry_outbox WHERE id >= %s AND id < %s", [bound(later(THIS, -2)), bound(THIS)])
    assert named(-2) in span and named(-1) in span
    assert named(0) not in span and named(1) not in span and "rest" not in span and "first" not in span


def test_what_the_relay_waits_for_is_found_by_an_index_of_each_month(with_past: None):
    with as_app_owner():
        rows(
            "INSERT INTO telemetry_outbox (id, created_at, type, aggregate_id, partition, data, occurred_at, "
            "published_at) SELECT overlay(gen_random_uuid()::text placing substr(%s::text, 1, 13) from 1 for 13)::uuid, "  # noqa: E501
            "now(), 'test', gen_random_uuid(), 0, '{}', now(), now() FROM generate_series(1, 3000)",
            [key_in(-1)],
        )
        rows("ANALYZE telemetry_outbox")
    told = plan("SELECT * FROM telemetry_outbox WHERE partition = 0 AND published_at IS NULL ORDER BY id LIMIT 100")
    assert f"Seq Scan on {named(-1)}" not in told
    assert "Index" in told


class Writer(threading.Thread):
    """Writes events as the application does, and reads the newest, until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url, self.ids, self.errors, self.slowest = url, [], [], 0.0  # type: ignore[var-annotated]
        self.stopped = threading.Event()

    def run(self) -> None:
        insert = (
            "INSERT INTO telemetry_outbox (id, created_at, type, aggregate_id, partition, data, occurred_at) "
            "VALUES (%s, now(), 'test.event', %s, 0, '{}', now())"
        )
        with psycopg.connect(self.url, autocommit=True, prepare_threshold=2) as client:
            while not self.stopped.wait(0.002):
                key = uuid7()
                try:
                    client.execute(insert, [key, key])
                    client.execute("UPDATE telemetry_outbox SET attempts = 1 WHERE id = %s", [key])
                    client.execute("SELECT count(*) FROM telemetry_outbox WHERE published_at IS NULL")
                    self.ids.append(key)
                except psycopg.Error as error:
                    self.errors.append(error)


@contextmanager
def writers(url: str, count: int = 3) -> Iterator[list[Writer]]:
    some = [Writer(url) for _ in range(count)]
    for one in some:
        one.start()
    try:
        yield some
    finally:
        for one in some:
            one.stopped.set()
        for one in some:
            one.join()


def test_turned_and_turned_back_while_it_is_written_to_nothing_is_lost(committed_database: str):
    with writers(committed_database) as some:
        for _ in range(3):
            run("telemetry_outbox")
            count = len(some[0].ids)
            while len(some[0].ids) < count + 10:
                some[0].stopped.wait(0.01)
            run("telemetry_outbox", back=True)
    assert [one.errors for one in some] == [[], [], []]
    wrote = {key for one in some for key in one.ids}
    assert len(wrote) > 60
    found = rows("SELECT id FROM telemetry_outbox WHERE attempts = 1")
    assert {key for (key,) in found} >= wrote
    assert len(found) == len(set(found))


def test_who_holds_the_table_is_not_pushed_aside(committed_database: str):
    before = catalogue("telemetry_outbox")
    with psycopg.connect(committed_database) as other, as_app_owner():
        other.execute("SELECT count(*) FROM telemetry_outbox")  # a transaction that stays open
        with pytest.raises(WrongState, match="held the table all the time"):
            turn("telemetry_outbox", Patience(lock_ms=50, tries=1))
        other.rollback()
        assert catalogue("telemetry_outbox") == before
        assert turn("telemetry_outbox", Patience(lock_ms=500, tries=1)) >= 5


def test_the_way_back_refuses_to_hold_everybody_up_for_many_rows(with_past: None):
    outbox(-1), outbox(0)
    with pytest.raises(CommandError, match="rows would be copied") as refused:
        run("telemetry_outbox", back=True, most_rows=0)
    assert refused.value.returncode == 4
    assert is_partitioned("telemetry_outbox")
    run("telemetry_outbox", back=True, most_rows=2)
    assert OutboxEvent.objects.filter(type="test.event").count() == 2


def test_keys_from_after_the_boundary_are_told_and_nothing_stays_behind():
    before = catalogue("telemetry_outbox")
    outbox(6)
    with pytest.raises(CommandError, match="keys from after"):
        run("telemetry_outbox")
    assert catalogue("telemetry_outbox") == before


def test_what_is_refused_says_so():
    for arguments, options, code in (
        (["plans"], {}, 2),
        ([], {"back": True}, 2),
        (["audit_events"], {"back": True}, 4),
    ):
        with pytest.raises(CommandError) as refused:
            run(*arguments, **options)
        assert refused.value.returncode == code
    with pytest.raises(CommandError, match="app_owner") as refused:
        call_command("partition", "audit_events", stdout=io.StringIO())
    assert refused.value.returncode == 4


def test_a_plan_changes_nothing():
    before = catalogue("audit_events")
    told = run("audit_events", plan=True)["tables"][0]
    assert told["now"] == "plain" and "months" in told["a run makes"]
    assert catalogue("audit_events") == before
    run("audit_events")
    assert run("audit_events", plan=True)["tables"][0]["now"] == "partitioned"


def test_later_migrations_go_through_the_table():
    run("telemetry_outbox")
    state = ProjectState.from_apps(__import__("django.apps", fromlist=["apps"]).apps)
    operation = AddField("outboxevent", "extra", IntegerField(default=0, db_default=0))
    after = state.clone()
    operation.state_forwards("telemetry", after)
    with as_app_owner(), connection.schema_editor() as editor:
        operation.database_forwards("telemetry", editor, state, after)
    assert rows("SELECT count(*) FROM pg_attribute WHERE attname = 'extra'") == [
        (1 + len(partitions("telemetry_outbox")),)
    ]
    make_ahead()


@pytest.fixture
def diaries(monkeypatch: pytest.MonkeyPatch) -> tuple[UUID, UUID]:
    """A table with an athlete, scoped by row-level security, append-only, that refers to another; two rows in it."""
    entries = {**dict(PARTITIONABLE.items()), "diaries": Partitionable("diaries", "a test")}
    monkeypatch.setattr(PARTITIONABLE, "_entries", entries)
    hers, his = make_athlete(), make_athlete()
    with as_app_owner(), connection.schema_editor() as editor:
        editor.execute(
            "CREATE TABLE diaries (id uuid PRIMARY KEY, athlete_id uuid NOT NULL REFERENCES accounts_athlete "
            "DEFERRABLE INITIALLY DEFERRED, mood int CONSTRAINT mood_known CHECK (mood BETWEEN 0 AND 10), "
            "CONSTRAINT one_a_key UNIQUE (athlete_id, id))"
        )
        editor.execute("CREATE INDEX diaries_by_mood ON diaries (mood) WHERE mood > 5")
        AppendOnly("diaries").database_forwards("common", editor, None, None)
        scope = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"
        RowLevelSecurity("diaries", scope).database_forwards("common", editor, None, None)
    with as_app_owner():
        for athlete in (hers, his):
            rows("INSERT INTO diaries VALUES (%s, %s, 7)", [uuid7(), athlete.pk])
    return hers, his  # type: ignore[return-value]


def test_row_level_security_holds_on_every_month(diaries: Any):
    before = catalogue("diaries")
    run("diaries")
    hers, his = diaries
    user = hers.user or make_user(role="athlete")
    for months in (0, 1, 2):
        with unit_of_work(COMMAND_LINE):
            for athlete in (hers, his):
                rows("INSERT INTO diaries VALUES (%s, %s, 7)", [key_in(months), athlete.pk])
    if hers.user is None:
        with as_app_owner():
            rows("UPDATE accounts_athlete SET user_id = %s WHERE id = %s", [user.pk, hers.pk])
    assert rows("SELECT count(*) FROM diaries") == [(0,)]  # no context, no rows
    with unit_of_work(user, read_only=True):
        assert {pk for (pk,) in rows("SELECT athlete_id FROM diaries")} == {hers.pk}
        assert rows("SELECT count(*) FROM diaries") == [(4,)]
    with pytest.raises(DatabaseError, match="row-level security"), unit_of_work(user):
        rows("INSERT INTO diaries VALUES (%s, %s, 7)", [key_in(1), his.pk])
    for part in partitions("diaries"):
        with pytest.raises(DatabaseError, match="permission denied"), unit_of_work(COMMAND_LINE, read_only=True):
            rows(f"SELECT count(*) FROM {part.name}")
        flags = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = %s"
        assert rows(flags, [part.name]) == [(True,)]
    with pytest.raises(DatabaseError, match="mood_known"), unit_of_work(COMMAND_LINE):
        rows("INSERT INTO diaries VALUES (%s, %s, 11)", [key_in(1), his.pk])
    assert shape_of("diaries").is_guarded
    run("diaries", back=True)
    assert catalogue("diaries") == before
    with unit_of_work(user, read_only=True):
        assert rows("SELECT count(*) FROM diaries") == [(4,)]


def test_a_legal_hold_keeps_the_month_of_whom_it_names(with_past: None, settings: Any):
    rule = retention.Rule(OutboxEvent, "telemetry", "occurred_at", "a test", people=("aggregate_id",))
    settings.RETENTION = {**settings.RETENTION, "telemetry": 45}
    athlete, event = make_athlete(), outbox(-3)
    OutboxEvent.objects.filter(pk=event).update(aggregate_id=athlete.pk, occurred_at=clock.now() - timedelta(days=90))
    place_hold(athlete_id=athlete.pk, reason="a case", held_until=None, acting_user=COMMAND_LINE)
    assert retention._drop_months(rule, clock.now()) == 0
    assert where("telemetry_outbox", event) == named(-3)
