"""Tables and log against each other: every version, decision and role has its event, and the other way round."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Role, User
from accounts.services.people import change_role
from audit.models import AuditEvent
from audit.reconciliation import RECONCILIATIONS, id_at
from audit.services import record
from audit.services.reconcile import DISCREPANCY, reconcile, reconcile_lately
from common import clock
from common.context import COMMAND_LINE, service, unit_of_work
from common.ids import uuid7
from plans.models import Decision, PlanReview, PlanVersion
from rollout.models import RolloutMessage
from tests.audit.log import as_owner
from tests.factories import make_user
from tests.plans.review import Review, make_review, plan_row, replace_op

pytestmark = pytest.mark.usefixtures("committed_database")


@pytest.fixture
def review() -> Review:
    """A plan that was edited, submitted, sent back, edited, accepted, revised and withdrawn; roles that changed."""
    review = make_review()
    session = review.editable()[0]
    assert review.patch([replace_op(session, "title", "One")]).status_code == 200
    assert review.submit(reason="travel").status_code == 200
    assert review.decide("request_changes").status_code == 200
    assert review.patch([replace_op(session, "title", "Two")]).status_code == 200
    assert review.submit(reason="travel").status_code == 200
    assert review.decide("accept").status_code == 200
    user = make_user(Role.SUPPORT)
    change_role(user_id=user.pk, role=Role.COACH, acting_user=COMMAND_LINE)
    change_role(user_id=user.pk, role=Role.SUPPORT, acting_user=COMMAND_LINE)
    return review


def events(*actions: str) -> list[AuditEvent]:
    with unit_of_work(service("verifier"), read_only=True):
        return list(AuditEvent.objects.filter(action__in=actions).order_by("id"))


def delete(events: list[AuditEvent]) -> None:
    with as_owner("audit_events") as cursor:
        for event in events:
            pk = str(event.pk) if connection.vendor == "postgresql" else event.pk.hex
            cursor.execute(f"DELETE FROM audit_events WHERE id = '{pk}'")


def test_what_the_services_wrote_agrees(review: Review) -> None:
    assert reconcile() == []
    assert reconcile_lately() == []
    assert events(DISCREPANCY) == []
    everything = datetime(1970, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(seconds=1)
    with unit_of_work(service("reconciliation"), read_only=True):
        counts = {name: len(list(item.rows(*everything))) for name, item in RECONCILIATIONS.items()}
    assert counts["plan versions"] == 3
    assert counts["reviews"] == 4
    assert counts["roles"] >= 5


@pytest.mark.parametrize(
    ("action", "name", "lost"),
    [
        ("plan.generate_state", "plan versions", 1),
        ("plan.edit", "plan versions", 2),
        ("plan.submit", "reviews", 2),
        ("plan.approve", "reviews", 1),
        ("plan.request_changes", "reviews", 1),
        ("user.role_state", "roles", 2),
    ],
)
def test_a_row_whose_event_was_never_written_is_named(action: str, name: str, lost: int, review: Review) -> None:
    written = events(action)
    assert len(written) == lost
    delete(written)
    found = reconcile()
    assert [(one.reconciliation, one.side) for one in found] == [(name, "row without event")] * lost
    assert {one.target_id for one in found} == {event.target_id for event in written}
    alerts = events(DISCREPANCY)
    assert [alert.metadata_json["key"] for alert in alerts] == [one.key for one in found]
    assert {alert.subject_id for alert in alerts} == {event.subject_id for event in written}
    assert len(reconcile()) == lost  # still there, and not told again
    assert len(events(DISCREPANCY)) == lost
    with unit_of_work(service("command-line"), read_only=True):
        told = list(RolloutMessage.objects.filter(kind="alert"))
    assert {message.group for message in told} == {"oncall", "team"}
    assert len(told) == 2
    assert f"{lost} times" in told[0].text


def test_an_event_that_a_clock_put_far_from_its_row_is_found(review: Review) -> None:
    moved = events("plan.edit_state")[0]
    ahead = id_at(datetime.now(UTC) + timedelta(days=1))
    old, new = ((str(one) if connection.vendor == "postgresql" else one.hex) for one in (moved.pk, ahead))
    with as_owner("audit_events") as cursor:
        cursor.execute(f"UPDATE audit_events SET id = '{new}' WHERE id = '{old}'")
    assert reconcile() == []


def test_two_reconcilers_at_once_tell_one_discrepancy_once(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look of the minute may meet that of the night."""
    delete(events("plan.approve"))
    both = threading.Barrier(2)
    written = record

    def slow(*args: Any, **more: Any) -> Any:
        time.sleep(0.5)  # long enough for the other one to ask what is known
        return written(*args, **more)

    def look() -> int:
        both.wait(60)
        try:
            return len(reconcile())
        finally:
            connection.close()

    monkeypatch.setattr("audit.services.reconcile.record", slow)
    with ThreadPoolExecutor(2) as pool:
        assert [one.result() for one in [pool.submit(look), pool.submit(look)]] == [1, 1]
    assert len(events(DISCREPANCY)) == 1


def test_an_event_without_its_row_is_named(review: Review) -> None:
    plan = plan_row(review)
    version = {"version_id": str(uuid7()), "version_number": 9, "content_sha256": "0" * 64}
    with unit_of_work(service("command-line")):
        record("plan.edit", target_id=plan.pk, subject_id=plan.athlete_id, metadata=version)
        record("plan.approve", target_id=plan.pk, metadata={**version, "review_id": str(uuid7())})
        action = record("user.role_change", target_id=review.coach.pk, metadata={})
        state = {"role": "admin", "token_version": 7}
        record("user.role_state", target_id=review.coach.pk, metadata=state, linked_to=action)
    found = reconcile()
    assert sorted((one.reconciliation, one.side) for one in found) == [
        ("plan versions", "event without row"),
        ("reviews", "event without row"),
        ("roles", "event without row"),
    ]


def test_rows_written_past_the_services_are_named(review: Review) -> None:
    plan = plan_row(review)
    with unit_of_work(service("command-line")):
        head = plan.head_version
        assert head
        PlanVersion.objects.create(
            plan=plan, athlete_id=plan.athlete_id, version_number=9, status="draft", author_id=uuid7(),
            content_sha256="0" * 64,
        )  # fmt: skip
        PlanReview.objects.create(
            plan=plan, version=head, athlete_id=plan.athlete_id, reviewer_id=uuid7(), decision=Decision.WITHDRAW,
            content_sha256=head.content_sha256,
        )  # fmt: skip
        user = User.objects.get(pk=review.coach.pk)
        user.role = Role.ADMIN
        user.save()
        User.objects.create_user("shell@test.example", name="made in a shell", role=Role.ADMIN)
    found = reconcile()
    assert [(one.reconciliation, one.side) for one in found] == [
        ("plan versions", "row without event"),
        ("reviews", "row without event"),
        ("roles", "row without event"),
        ("roles", "row without event"),
    ]
    assert [one.what.split(" ", 2)[2] for one in found[2:]] == ["became admin, was coach", "was made admin"]


def test_a_version_whose_content_hash_is_another_than_in_its_event_is_named_from_both_sides(review: Review) -> None:
    with as_owner("plan_versions") as cursor:
        cursor.execute(f"UPDATE plan_versions SET content_sha256 = '{'0' * 64}' WHERE version_number = 2")
    assert sorted(one.side for one in reconcile()) == ["event without row", "row without event"]


def test_only_the_period_that_was_asked_for_is_compared(review: Review) -> None:
    delete(events("plan.edit"))
    now = datetime.now(UTC)
    assert reconcile(since=now + timedelta(hours=2), until=now + timedelta(days=3)) == []
    assert reconcile(until=now - timedelta(days=1)) == []
    with clock.frozen(now - timedelta(days=400)):  # windows go by real time, as ids do
        assert len(reconcile(since=now - timedelta(days=5))) == 2


def test_bounds_of_ids_are_those_of_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    pk = uuid7()
    assert id_at(before) < pk < id_at(datetime.now(UTC) + timedelta(milliseconds=2))


def test_the_command_has_an_exit_code_for_discrepancies(review: Review) -> None:
    def run(*arguments: str) -> tuple[int, Any]:
        out = io.StringIO()
        try:
            call_command("audit", "reconcile", *arguments, "--json", stdout=out)
            return 0, json.loads(out.getvalue())
        except CommandError as error:
            return error.returncode, json.loads(out.getvalue())

    assert run() == (0, {"discrepancies": []})
    delete(events("plan.approve"))
    code, document = run("--from", "2020-01-01")
    assert (code, len(document["discrepancies"])) == (5, 1)
    assert run("--from", "soon")[0] == 2
