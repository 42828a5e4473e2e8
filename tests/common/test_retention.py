"""How long rows are kept: what is over goes, what is held or append-only stays."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from accounts.models import Notification
from accounts.services.holds import lift_hold, place_hold
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.db_operations import guarded_tables
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from common.models import IdempotencyKey, Job, RequestRollup
from common.retention import OWNER_ONLY, RULES, How, apply_retention
from plans.models import PlanVersionChange
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review, replace_op
from tests.support.databases import ROOT

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=366)


def notify(user, subject_id, at):
    with unit_of_work(COMMAND_LINE):
        return Notification.objects.create(
            user=user,
            kind="test",
            subject_id=subject_id,
            target_type="plan",
            target_id=uuid7(),
            dedupe_key=str(uuid7()),
            created_at=at,
        )


def left(model, **where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return set(model.objects.filter(**where).values_list("pk", flat=True))


def outcome(table, *, dry_run=False):
    return next(line for line in apply_retention(dry_run=dry_run) if line.table == table)


def test_what_is_over_goes_and_what_is_not_stays():
    user, athlete = make_user("coach"), make_athlete()
    now = clock.now()
    notify(user, athlete.pk, now - YEAR - timedelta(seconds=1))
    young = notify(user, athlete.pk, now - YEAR + timedelta(minutes=5))
    found = outcome("notifications")
    assert (found.due, found.removed) == (1, 1)
    assert left(Notification) == {young.pk}


def test_a_dry_run_counts_and_removes_nothing(capsys):
    user, athlete = make_user("coach"), make_athlete()
    old = notify(user, athlete.pk, clock.now() - 2 * YEAR)
    call_command("retention", dry_run=True, as_json=True)
    rules = {rule["table"]: rule for rule in json.loads(capsys.readouterr().out)["rules"]}
    assert set(rules) == set(RULES)
    assert (rules["notifications"]["due"], rules["notifications"]["removed"]) == (1, 0)
    assert left(Notification) == {old.pk}


@pytest.mark.parametrize("side", ["subject", "user"])
def test_a_legal_hold_keeps_an_athletes_rows_until_it_ends(side):
    user = make_user("athlete")
    athlete, other = make_athlete(user=user), make_athlete()
    about = {"subject": (make_user("coach"), athlete.pk), "user": (user, other.pk)}[side]
    held = notify(*about, clock.now() - 2 * YEAR)
    free = notify(make_user("coach"), other.pk, clock.now() - 2 * YEAR)
    place = {"athlete_id": athlete.pk, "reason": "court", "held_until": None}
    hold = place_hold(**place, acting_user=make_user("compliance"))
    assert outcome("notifications").removed == 1
    assert left(Notification, pk__in=[held.pk, free.pk]) == {held.pk}
    lift_hold(hold_id=hold.pk, reason="settled", acting_user=make_user("compliance"))
    assert outcome("notifications").removed == 1
    assert left(Notification, pk__in=[held.pk]) == set()


def test_a_hold_keeps_no_row_that_names_nobody():
    place_hold(athlete_id=make_athlete().pk, reason="court", held_until=None, acting_user=COMMAND_LINE)
    long_ago = clock.now() - timedelta(days=400)
    with unit_of_work(COMMAND_LINE):
        Job.objects.create(kind="test", state="done", finished_at=long_ago)
        RequestRollup.objects.create(minute=long_ago, route="/", method="GET", status_class="2xx", count=1)
    removed = {line.table: line.removed for line in apply_retention(dry_run=False)}
    assert (removed["jobs"], removed["request_rollups"]) == (1, 1)


def test_unfinished_jobs_stay_however_old():
    with unit_of_work(COMMAND_LINE):
        job = Job.objects.create(kind="test", created_at=clock.now() - timedelta(days=4000))
    assert outcome("jobs").removed == 0
    assert job.pk in left(Job)


def test_zero_days_keep_for_ever(settings):
    settings.RETENTION = {**settings.RETENTION, "idempotency_keys": 0}
    with unit_of_work(COMMAND_LINE):
        row = IdempotencyKey.objects.create(
            key="k", user_id=uuid7(), method="POST", path="/", created_at=clock.now() - timedelta(days=9999)
        )
    assert outcome("idempotency_keys").due == 0
    assert row.pk in left(IdempotencyKey)


def test_removing_is_recorded_in_numbers():
    user, athlete = make_user("coach"), make_athlete()
    for _ in range(3):
        notify(user, athlete.pk, clock.now() - 2 * YEAR)
    outcome("notifications")
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action="retention.remove")
    assert event.metadata_json == {
        "table": "notifications",
        "rows": 3,
        "keep_days": settings.RETENTION["notifications"],
    }
    assert event.actor_role == "service:retention"


def test_append_only_tables_are_listed_and_kept():
    review = make_review()
    assert review.patch([replace_op(review.editable()[0], "load", 20, reason="injury")]).status_code == 200
    before = left(PlanVersionChange), left(AuditEvent)
    with clock.frozen(clock.now() + 8 * YEAR):
        outcomes = {line.table: line for line in apply_retention(dry_run=False)}
    assert left(PlanVersionChange) == before[0]
    assert before[1] <= left(AuditEvent)
    for table in ("plan_version_changes", "audit_events"):
        assert outcomes[table].due >= 1
        assert (outcomes[table].removed, outcomes[table].how) == (0, OWNER_ONLY)


def test_every_append_only_table_with_a_rule_is_the_owners():
    guarded = guarded_tables(connection)
    assert {table for table, rule in RULES.items() if rule.how is How.OWNER} <= guarded
    assert not {table for table, rule in RULES.items() if rule.how is How.DELETE} & guarded


def test_plan_edits_and_audit_events_are_kept_seven_years():
    for table in ("plan_version_changes", "plan_versions", "plan_reviews", "plan_comments", "audit_events"):
        assert timedelta(days=7 * 365 + 2) <= RULES.get(table).keep <= timedelta(days=7 * 366)


def test_the_document_has_every_rule():
    told = (ROOT / "docs" / "governance.md").read_text(encoding="utf-8")
    assert [table for table, rule in RULES.items() if f"| `{table}` |" not in told or rule.why not in told] == []
