"""Retention of the log: whole archived segments go, what is left still verifies, and what may not go stays."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from accounts.models import Role
from accounts.services.holds import lift_hold, place_hold
from audit import merkle
from audit.archive.stores import store
from audit.dropped import DROPPED, dropped_events
from audit.models import AuditEvent, AuditLeaf
from audit.services import record
from audit.services.archive import Restored, archive, restore
from audit.services.reconcile import reconcile
from audit.services.verify import Scope, verify_log
from audit.verification import Report
from common import clock
from common.context import service, unit_of_work
from common.db_operations import guarded_tables
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from common.retention import OWNER_ONLY, Outcome, apply_retention, guard_lifted
from tests.audit.log import actions, as_app_owner, as_owner, order, sealed, write
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import make_review

pytestmark = pytest.mark.usefixtures("committed_database", "_actions")

LATER = timedelta(days=8 * 366)
FIRST, SECOND = "segments/000000000000000-000000000000004.ndjson", "segments/000000000000004-000000000000009.ndjson"

_GUARDS = """
    SELECT tgrelid::regclass::text, tgenabled::text FROM pg_trigger
    WHERE tgname LIKE 'append\\_only\\_%' AND (tgrelid = 'audit_events'::regclass OR tgrelid IN
        (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'audit_events'::regclass))
"""


@pytest.fixture
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with actions(monkeypatch):
        yield


@pytest.fixture
def log() -> Iterator[list[UUID]]:
    """Two archived segments of 4 and 5 events, a third one that the newest tree ends with; then eight years pass."""
    for count in (4, 5, 2):
        write(count)
        sealed()
        archive()
    with clock.frozen(clock.now() + LATER):
        yield order()


def retention(*, dry_run: bool = False) -> Outcome:
    with as_app_owner():
        outcomes = apply_retention(dry_run=dry_run, as_owner=True)
    return next(line for line in outcomes if line.table == "audit_events")


def told(outcome: Outcome) -> dict[str, str]:
    return {part.name: part.what for part in outcome.parts}


def left() -> set[UUID]:
    with unit_of_work(service("verifier"), read_only=True):
        return set(AuditEvent.objects.filter(action="test.edit").values_list("pk", flat=True))


def verified(**scope: Any) -> Report:
    sealed()
    return verify_log(Scope(**scope))


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def without_archive() -> None:
    Path(str(store()._folder)).rename(Path(str(store()._folder)).with_name("elsewhere"))  # type: ignore[attr-defined]


def rewrite(name: str, old: bytes, new: bytes) -> None:
    path = store()._folder / name  # type: ignore[attr-defined]
    content = path.read_bytes()
    assert old in content
    path.chmod(0o644)
    path.write_bytes(content.replace(old, new, 1))


def test_old_segments_go_and_the_log_still_verifies(log: list[UUID]) -> None:
    done = retention()
    assert (done.due, done.removed) == (11, 9)
    assert told(done)[FIRST] == told(done)[SECOND] == "dropped"
    assert left() == set(log[9:])
    report = verified()
    assert (report.intact, report.from_archive, report.head_only) == (True, 9, [])
    assert report.tree_size == report.events == len(order())
    assert verify_log(Scope(archive=True)).intact
    assert "audit_events" in guarded_tables(connection)


@pytest.mark.postgres
def test_old_segments_go_from_a_log_of_months_and_every_month_is_guarded_again(log: list[UUID]) -> None:
    with as_app_owner():
        call_command("partition", "audit_events", stdout=io.StringIO())
    done = retention()
    assert (done.due, done.removed) == (11, 9)
    assert left() == set(log[9:])
    assert verified().intact
    with connection.cursor() as cursor:
        cursor.execute(_GUARDS)
        guards = cursor.fetchall()
    assert len(guards) > len({table for table, _ in guards}) > 2  # two on each month
    assert {state for _, state in guards} == {"A"}, "a guard that does not stand always"


def test_the_newest_tree_is_never_dropped(log: list[UUID]) -> None:
    assert "newest tree" in told(retention())["segments/000000000000009-000000000000011.ndjson"]
    assert set(log[9:]) <= left()


def test_a_second_run_finds_nothing_and_the_log_goes_on(log: list[UUID]) -> None:
    retention()
    before = left()
    write(3)
    assert verified().intact
    again = retention()
    # The last of the three segments is not the newest any more.
    assert again.removed == 2
    assert left() == before - set(log[9:]) | set(order()[-4:]) & left()
    assert retention().removed == 0
    assert verified().intact
    assert dropped_events().ranges == ((0, 11),)


def test_what_was_dropped_is_known_after_the_event_that_tells_it_is_dropped_too(log: list[UUID]) -> None:
    retention()
    write()
    sealed()
    assert retention().removed == 2
    sealed()
    archive()
    write()
    sealed()
    with clock.frozen(clock.now() + LATER):
        assert retention().removed > 2
        assert verified().intact
        without_archive()
        (only,) = verify_log(Scope()).head_only
        assert only == dropped_events().ranges[0]


def test_a_dry_run_lists_and_drops_nothing(log: list[UUID]) -> None:
    out = io.StringIO()
    with as_app_owner():
        call_command("retention", "--json", "--dry-run", stdout=out)
    (rule,) = (rule for rule in json.loads(out.getvalue())["rules"] if rule["table"] == "audit_events")
    assert [(part["name"], part["due"], part["what"]) for part in rule["parts"]][:2] == [
        (FIRST, 4, "would go"),
        (SECOND, 5, "would go"),
    ]
    assert left() == set(log)


def test_who_is_not_the_owner_and_the_nightly_run_drop_nothing(log: list[UUID]) -> None:
    asked_for = connection.vendor == "postgresql"  # there we are app_rw; on SQLite the nightly run does not ask
    (line,) = (one for one in apply_retention(dry_run=False, as_owner=asked_for) if one.table == "audit_events")
    assert (line.removed, line.how, line.parts) == (0, OWNER_ONLY, ())
    assert left() == set(log)


@pytest.mark.postgres
def test_the_application_cannot_lift_the_guard(log: list[UUID]) -> None:
    with pytest.raises(DatabaseError), unit_of_work(service("retention")), guard_lifted("audit_events"):
        AuditEvent.objects.all().delete()
    assert left() == set(log)


def test_what_was_dropped_is_recorded_with_the_state_that_resulted(log: list[UUID]) -> None:
    retention()
    with unit_of_work(COMMAND_LINE, read_only=True):
        states = list(AuditEvent.objects.filter(action=DROPPED).order_by("id"))
        events = {event.pk: event for event in AuditEvent.objects.filter(action="retention.remove")}
    assert [state.metadata_json["ranges"] for state in states] == [[[0, 4]], [[0, 9]]]
    assert [events[state.linked_event_id].metadata_json["segment"] for state in states] == [FIRST, SECOND]
    assert {event.actor_role for event in states} == {"service:retention"}


def test_a_legal_hold_keeps_the_segments_that_name_the_person() -> None:
    write(3)
    sealed()
    archive()
    athlete = make_athlete(user=make_user("athlete"))
    with unit_of_work(service("public")):
        kept = record("test.edit", target_id=uuid7(), subject_id=athlete.pk, metadata={"n": 1}).pk
    sealed()
    archive()
    hold = place_hold(athlete_id=athlete.pk, reason="court", held_until=None, acting_user=COMMAND_LINE)
    sealed()
    archive()
    with clock.frozen(clock.now() + LATER):
        done = retention()
        assert [part.what for part in done.parts][:2] == ["dropped", "stays: a legal hold names somebody in it"]
        assert left() == {kept}
        assert verified().intact
        lift_hold(hold_id=hold.pk, reason="settled", acting_user=COMMAND_LINE)
        assert retention().removed >= 1
        assert left() == set()
        assert verified().intact


def test_what_is_not_archived_or_only_half_is_kept(log: list[UUID]) -> None:
    write(2)
    sealed()
    path = store()._folder / SECOND  # type: ignore[attr-defined]
    path.chmod(0o644)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with clock.frozen(clock.now() + LATER):
        done = retention()
    assert done.removed == 4 + 2  # the one before and the one behind it
    assert "does not verify" in told(done)[SECOND]
    assert "audit archive" in told(done)["not in the archive"]
    assert set(log[4:9]) <= left()


def test_a_segment_that_is_another_than_the_database_is_kept(log: list[UUID]) -> None:
    pk = f"'{log[1]}'" if connection.vendor == "postgresql" else f"'{log[1].hex}'"
    with as_owner("audit_events") as cursor:
        cursor.execute(f"UPDATE audit_events SET actor_role = 'admin' WHERE id = {pk}")
    assert "another in the archive" in told(retention())[FIRST]
    assert set(log[:4]) <= left()
    with as_owner("audit_events") as cursor:
        cursor.execute(f"DELETE FROM audit_events WHERE id = {pk}")
    assert "gone from the database" in told(retention())[FIRST]


def test_a_segment_goes_only_when_all_of_it_is_over(log: list[UUID]) -> None:
    with clock.frozen(clock.now() - LATER):
        assert retention().parts == ()
    assert left() == set(log)


def test_without_the_archive_it_is_said_what_only_the_heads_prove(log: list[UUID]) -> None:
    retention()
    sealed()
    without_archive()
    report = verify_log(Scope())
    assert (report.intact, report.from_archive, report.head_only) == (True, 0, [(0, 9)])
    out = io.StringIO()
    call_command("audit", "verify", stdout=out)
    assert "leaves 0 to 8: dropped, and not read from the archive" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("audit", "verify", "--archive", stdout=out)


def test_a_changed_event_in_the_archive_is_named(log: list[UUID]) -> None:
    retention()
    rewrite(SECOND, b'"n":2', b'"n":7')
    report = verified()
    assert report.findings[0].kind == "archive altered"
    assert (report.findings[0].leaf_index, report.findings[0].event_id) == (6, log[6])
    assert set(kinds(report)) == {"archive altered"}


def test_a_leaf_of_a_dropped_event_cannot_be_changed_unseen(log: list[UUID]) -> None:
    retention()
    with as_owner("audit_leaves") as cursor:
        blank = "'\\x" + "00" * 32 + "'" if connection.vendor == "postgresql" else "x'" + "00" * 32 + "'"
        cursor.execute(f"UPDATE audit_leaves SET leaf_hash = {blank} WHERE leaf_index = 2")
    assert kinds(verified()) == ["leaf altered"]
    without_archive()
    assert kinds(verify_log(Scope())) == ["leaf altered"]


def test_saying_that_they_were_dropped_hides_no_young_events(log: list[UUID]) -> None:
    with clock.frozen(clock.now() - LATER):
        with as_owner("audit_events") as cursor:
            newest = f"'{log[-1]}'" if connection.vendor == "postgresql" else f"'{log[-1].hex}'"
            cursor.execute(f"DELETE FROM audit_events WHERE id < {newest}")
        with unit_of_work(service("public")):
            action = record("test.edit", target_id=uuid7(), metadata={"n": 1})
            said = {"ranges": [[0, 11]], "until": clock.now().isoformat()}
            record(DROPPED, target_id=None, metadata=said, linked_to=action)
        without_archive()
        assert kinds(verified()) == ["event removed"] * 10


def test_restoring_brings_the_events_back_and_they_verify(log: list[UUID]) -> None:
    retention()
    assert restore() == Restored(11, 9, 0, 0)
    assert left() == set(log)
    report = verified()
    assert (report.intact, report.from_archive) == (True, 0)
    assert retention().removed == 11  # the last segment is not the newest any more
    assert verified().intact


def test_a_dropped_event_is_proved_from_the_archive_or_refused_in_words(log: list[UUID]) -> None:
    retention()
    sealed()
    reader = api_of(make_user(Role.COMPLIANCE))
    address = f"/api/v1/audit/proofs/inclusion?event={log[5]}"
    proof = reader.get(address).json()
    path, root = ([bytes.fromhex(one) for one in proof["inclusion_proof"]], bytes.fromhex(proof["root_hash"]))
    merkle.verify_inclusion(5, proof["tree_size"], bytes.fromhex(proof["leaf_hash"]), path, root)
    assert api_of(make_user(Role.COACH)).get(address).status_code == 404
    without_archive()
    refused = reader.get(address)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/event-dropped/")
    assert api_of(make_user(Role.ATHLETE)).get(address).status_code == 404


def test_athletes_get_the_proof_of_their_own_dropped_event() -> None:
    user = make_user(Role.ATHLETE)
    athlete = make_athlete(user=user)
    with unit_of_work(service("public")):
        event = record("test.edit", target_id=uuid7(), subject_id=athlete.pk, metadata={"n": 1})
    sealed()
    archive()
    write()
    sealed()
    with clock.frozen(clock.now() + LATER):
        retention()
        assert event.pk not in left()
        address = f"/api/v1/audit/proofs/inclusion?event={event.pk}"
        assert api_of(user).get(address).json()["event_id"] == str(event.pk)
        assert api_of(make_user(Role.ATHLETE)).get(address).status_code == 404


def test_a_plans_proof_says_that_its_acceptance_was_dropped() -> None:
    review = make_review()
    review.submit()
    review.decide("accept")
    sealed()
    archive()
    write()
    sealed()
    assert review.as_coach.get(f"{review.url}/proof").status_code == 200
    with clock.frozen(clock.now() + LATER):
        retention()
        refused = api_of(review.coach).get(f"{review.url}/proof")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/event-dropped/")


def test_reconciliation_begins_after_what_was_dropped() -> None:
    review = make_review()
    review.submit()
    sealed()
    archive()
    write()
    sealed()
    assert reconcile() == []
    with clock.frozen(clock.now() + LATER):
        assert retention().removed > 0
        assert reconcile() == []


def test_leaves_and_heads_of_dropped_events_stay(log: list[UUID]) -> None:
    with unit_of_work(COMMAND_LINE, read_only=True):
        before = list(AuditLeaf.objects.order_by("leaf_index").values_list())
    retention()
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert list(AuditLeaf.objects.order_by("leaf_index").values_list())[:11] == before
