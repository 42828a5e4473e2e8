"""Erasing a person: two people decide, a legal hold refuses, and nothing readable is left anywhere."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.errors import UnderLegalHold
from accounts.models import Athlete, CoachLink, Consent, ErasureRequest, LegalHold, Notification, User
from accounts.notifications import text_of
from accounts.services.consent import record_consent
from accounts.services.erasure import confirm_erasure, refuse_erasure, request_erasure, what_would_go
from accounts.services.holds import lift_hold, place_hold
from accounts.services.people import edit_athlete
from accounts.services.tokens import log_in
from audit.models import AuditEvent
from audit.selectors import readable
from common import clock
from common.context import RequestInfo, requested_by, unit_of_work
from common.erasure import ERASURE, Person
from common.errors import KeyDestroyed, NotAuthenticated, NotPermitted, NotVisible, WrongState
from common.ids import uuid7
from common.keys import ERASED, encrypt_for
from common.management.base import COMMAND_LINE
from modeling.models import Activity, Fit, Test
from modeling.services.corrections import correct_row
from modeling.services.record_test import add_test
from plans.models import CalendarFeed, PlanComment, PlanContent, PlanReview, PlanVersion
from plans.services.decide import withdraw_plan
from plans.services.save_edits import save_edits
from rollout.models import FlagGroupMember, UserOverride
from rollout.services.flags import seed_flags, set_group, set_user_override
from tests.factories import PASSWORD, api_of, make_athlete, make_user
from tests.plans.review import make_review, replace_op
from tests.support.databases import ROOT

pytestmark = pytest.mark.django_db

PLANTED = "Xanthippe"
"""In the name, the e-mail address, and everything that anybody writes about this athlete."""


def rows_of(model, **where):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(model.objects.filter(**where))


def only(model, **where):
    (row,) = rows_of(model, **where)
    return row


def request_for(athlete, **more):
    return request_erasure(
        athlete_id=athlete.pk, reason="wrote to us", acting_user=more.get("by") or make_user("admin")
    )


def erase(athlete):
    return confirm_erasure(request_id=request_for(athlete).pk, acting_user=make_user("admin"))


def planted_review():
    """Return a reviewed, accepted plan of an athlete about whom somebody wrote wherever one can write."""
    review = make_review()
    with unit_of_work(COMMAND_LINE):
        user = User.objects.get(pk=review.user.pk)
        user.email, user.name = f"{PLANTED.lower()}@test.example", f"{PLANTED} Log-in"
        user.save()
    personal = {"name": f"{PLANTED} Planted", "birth_year": 1987, "resting_heart_rate": 47}
    with requested_by(RequestInfo(uuid7(), "203.0.113.77", f"{PLANTED} Browser")):
        edit_athlete(athlete_id=review.athlete.pk, changes=personal, acting_user=user)
    place = {"athlete_id": review.athlete.pk, "reason": f"{PLANTED} against the club"}
    lift_hold(
        hold_id=place_hold(**place, held_until=None, acting_user=COMMAND_LINE).pk,
        reason=f"{PLANTED} settled",
        acting_user=COMMAND_LINE,
    )
    today = clock.today()
    test = add_test(
        athlete_id=review.athlete.pk,
        day=today - timedelta(days=3),
        value=50.0,
        kind="race",
        note=f"{PLANTED} was ill",
        acting_user=review.coach,
    )
    correct_row(
        kind="test", row_id=test.pk, changes={"note": f"{PLANTED} had a cold"}, reason=PLANTED, acting_user=review.coach
    )
    for purpose in ("experiments", "training"):
        record_consent(
            athlete_id=review.athlete.pk, purpose=purpose, granted=True, text_version="1", acting_user=COMMAND_LINE
        )
    review.patch([replace_op(review.editable()[0], "load", 20, reason="injury", note=f"{PLANTED}: knee")])
    review.as_coach.post(
        f"{review.url}/comments", {"message": f"How is it, {PLANTED}?"}, HTTP_IDEMPOTENCY_KEY="planted"
    )
    assert review.submit(comment=f"For {PLANTED}").status_code == 200
    assert review.decide("accept", comment=f"{PLANTED} says yes").status_code == 200
    assert review.as_athlete.post("/api/v1/me/calendar", {}).status_code == 201
    session = review.sessions()[0]
    body = {"status": "done", "duration_min": 40, "rpe": 5, "note": f"{PLANTED} felt good"}
    with clock.frozen(datetime.combine(date.fromisoformat(session["day"]), time(20), UTC)):
        done = api_of(user).post(f"/api/v1/sessions/{session['session_id']}/completion", body)
        assert done.status_code == 201, done.content
    return review


def everything_in_the_database():
    """Yield (table, column, text) of every value of every table, bytes as Latin-1 text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    if isinstance(value, memoryview | bytes):
                        yield table, name, bytes(value).decode("latin-1")
                    elif value is not None:
                        yield table, name, value if isinstance(value, str) else json.dumps(value, default=str)


def places_of(*texts):
    with unit_of_work(COMMAND_LINE, read_only=True):
        return {
            (table, column)
            for table, column, value in everything_in_the_database()
            if any(text.lower() in value.lower() for text in texts)
        }


def test_nothing_planted_is_readable_anywhere_after_erasing():
    review = planted_review()
    before = places_of(PLANTED, "203.0.113.77")
    assert {("accounts_athlete", "name"), ("accounts_user", "email"), ("modeling_test", "note")} <= before

    erase(review.athlete)

    assert places_of(PLANTED, "203.0.113.77") == set()
    athlete = only(Athlete, pk=review.athlete.pk)
    assert (athlete.name, athlete.birth_year, athlete.resting_heart_rate) == ("Erased athlete", None, None)
    assert athlete.user_id is None


def test_what_is_ciphertext_reads_as_erased():
    review = planted_review()
    erase(review.athlete)
    events = rows_of(AuditEvent, subject_id=review.athlete.pk, action="athlete.edit")
    with unit_of_work(COMMAND_LINE, read_only=True):
        (edit,) = readable(events)
    assert edit.metadata["personal"] == ERASED
    assert edit.origin_ip == edit.user_agent == ERASED
    with pytest.raises(KeyDestroyed), unit_of_work(COMMAND_LINE):
        encrypt_for(review.athlete.pk, "a note afterwards")


def snapshot(*models):
    """Return every row of append-only tables, column by column."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        return {model: {row["id"]: row for row in model.objects.values()} for model in models}


def test_versions_decisions_and_events_stay_byte_by_byte():
    review = planted_review()
    kept = (PlanVersion, PlanContent, PlanReview, PlanComment, AuditEvent)
    before = snapshot(*kept)
    assert all(before.values())

    erase(review.athlete)

    after = snapshot(*kept)
    for model in kept[:-1]:
        assert after[model] == before[model], model
    assert {pk: after[AuditEvent][pk] for pk in before[AuditEvent]} == before[AuditEvent]


def test_the_log_in_ends_and_so_do_consents_links_feeds_and_notifications():
    review = planted_review()
    email = only(User, pk=review.user.pk).email
    assert log_in(email=email, password=PASSWORD)
    erase(review.athlete)
    with pytest.raises(NotAuthenticated):
        log_in(email=email, password=PASSWORD)
    assert review.as_athlete.get("/api/v1/me").status_code == 401
    assert review.as_coach.get(review.url).status_code == 404
    assert {consent.granted for consent in rows_of(Consent, athlete=review.athlete)} == {False}
    assert all(link.active_until for link in rows_of(CoachLink, athlete=review.athlete))
    assert all(feed.revoked_at for feed in rows_of(CalendarFeed, athlete=review.athlete))
    assert rows_of(Notification, subject_id=review.athlete.pk) == rows_of(Notification, user=review.user) == []
    assert rows_of(Test, athlete=review.athlete) == rows_of(Fit, athlete=review.athlete) == []
    assert {row.source_name for row in rows_of(Activity, athlete=review.athlete)} <= {"erased"}


def test_flags_answer_for_nobody_who_was_erased():
    athlete, other = make_athlete(), make_athlete()
    flag, *_ = seed_flags(acting_user=COMMAND_LINE)
    until = clock.now() + timedelta(days=9)
    for one in (athlete, other):
        set_user_override(
            key=flag, subject_id=one.pk, value=False, reason="beta", expires_at=until, acting_user=COMMAND_LINE
        )
    set_group(name="beta", subject_ids=[athlete.pk, other.pk], acting_user=COMMAND_LINE)
    erase(athlete)
    assert [row.subject_id for row in rows_of(UserOverride)] == [other.pk]
    assert [row.subject_id for row in rows_of(FlagGroupMember)] == [other.pk]


def test_another_athlete_keeps_everything():
    erased, other = planted_review(), make_review()
    with unit_of_work(COMMAND_LINE, read_only=True):
        before = {t.table: list(t.rows(person(other)).values()) for _, t in ERASURE.items()}
    erase(erased.athlete)
    with unit_of_work(COMMAND_LINE, read_only=True):
        after = {t.table: list(t.rows(person(other)).values()) for _, t in ERASURE.items()}
    assert after == before
    assert before["accounts_athlete"] and before["plan_versions"] and before["audit_events"]


def person(review):
    return Person(review.athlete.pk, review.user.pk)


def test_an_athlete_without_a_log_in_touches_nobody_elses_rows():
    bystander, athlete = make_user("coach"), make_athlete()
    jobs, users = snapshot_of("jobs"), snapshot_of("accounts_user")
    erase(athlete)
    assert snapshot_of("jobs") == jobs
    assert bystander.pk.hex in str(snapshot_of("accounts_user")).replace("-", "")
    assert set(users) <= set(snapshot_of("accounts_user"))


def snapshot_of(table):
    with unit_of_work(COMMAND_LINE, read_only=True), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return [str(row) for row in cursor.fetchall()]


def test_a_coach_who_is_an_athlete_keeps_their_log_in():
    coach = make_user("coach")
    athlete = make_athlete(user=coach)
    erase(athlete)
    assert only(User, pk=coach.pk).is_active
    assert log_in(email=coach.email, password=PASSWORD)


def test_who_asked_does_not_confirm():
    admin, athlete = make_user("admin"), make_athlete()
    asked = request_for(athlete, by=admin)
    with pytest.raises(NotPermitted):
        confirm_erasure(request_id=asked.pk, acting_user=admin)
    assert only(Athlete, pk=athlete.pk).name == athlete.name
    confirm_erasure(request_id=asked.pk, acting_user=make_user("admin"))
    assert only(Athlete, pk=athlete.pk).name == "Erased athlete"


@pytest.mark.parametrize("role", ["coach", "support", "compliance", "data_scientist", "athlete"])
def test_only_administrators_confirm_and_refuse(role):
    asked = request_for(make_athlete())
    for decide in (confirm_erasure, lambda **who: refuse_erasure(reason="no", **who)):
        with pytest.raises(NotPermitted):
            decide(request_id=asked.pk, acting_user=make_user(role))
    assert only(ErasureRequest).state == "open"


def test_the_database_refuses_a_decision_by_who_asked_and_the_loss_of_a_request():
    asked = request_for(make_athlete())
    for change in (
        lambda rows: rows.update(state="done", decided_by_id=asked.requested_by_id, decided_at=clock.now()),
        lambda rows: rows.delete(),
    ):
        with pytest.raises(DatabaseError), unit_of_work(COMMAND_LINE), transaction.atomic():
            change(ErasureRequest.objects.filter(pk=asked.pk))
    assert only(ErasureRequest).state == "open"


def test_a_legal_hold_refuses_asking_and_confirming_until_it_is_lifted():
    athlete, compliance = make_athlete(), make_user("compliance")
    asked = request_for(athlete)
    hold = place_hold(athlete_id=athlete.pk, reason="court", held_until=None, acting_user=compliance)
    with pytest.raises(UnderLegalHold):
        confirm_erasure(request_id=asked.pk, acting_user=make_user("admin"))
    with pytest.raises(CommandError) as refused:
        call_command("erase_athlete", str(athlete.pk), reason="asked")
    assert refused.value.returncode == 4
    assert only(Athlete, pk=athlete.pk).name == athlete.name
    lift_hold(hold_id=hold.pk, reason="settled", acting_user=compliance)
    confirm_erasure(request_id=asked.pk, acting_user=make_user("admin"))
    assert only(Athlete, pk=athlete.pk).name == "Erased athlete"


def test_a_hold_ends_by_itself():
    athlete = make_athlete()
    until = clock.now() + timedelta(hours=1)
    place_hold(athlete_id=athlete.pk, reason="inquiry", held_until=until, acting_user=make_user("compliance"))
    with pytest.raises(UnderLegalHold):
        request_for(athlete)
    with clock.frozen(until + timedelta(seconds=1)):
        assert request_for(athlete).state == "open"
        assert not only(LegalHold).holds


@pytest.mark.parametrize("role", ["coach", "support", "data_scientist", "athlete"])
def test_only_administrators_and_compliance_hold(role):
    with pytest.raises(NotPermitted):
        place_hold(athlete_id=make_athlete().pk, reason="why", held_until=None, acting_user=make_user(role))


def test_nothing_new_is_written_about_who_was_erased():
    athlete, admin = make_athlete(), make_user("admin")
    erase(athlete)
    with pytest.raises(KeyDestroyed):
        add_test(athlete_id=athlete.pk, day=date(2026, 1, 1), value=48.0, kind="race", acting_user=admin)
    with pytest.raises(KeyDestroyed):
        edit_athlete(athlete_id=athlete.pk, changes={"birth_year": 1980}, acting_user=admin)
    assert rows_of(Test, athlete=athlete) == []


def test_a_plan_of_who_was_erased_is_edited_and_decided_no_more():
    review, admin = make_review(), make_user("admin")
    head = UUID(review.head()["head_version"]["id"])
    erase(review.athlete)
    for act, more in ((withdraw_plan, {"comment": "why"}), (save_edits, {"version_id": head, "operations": []})):
        with pytest.raises(KeyDestroyed):
            act(plan_id=review.plan_id, expected=None, acting_user=admin, **more)


def test_nobody_who_was_erased_can_be_held():
    athlete = make_athlete()
    erase(athlete)
    with pytest.raises(KeyDestroyed):
        place_hold(athlete_id=athlete.pk, reason="too late", held_until=None, acting_user=make_user("compliance"))


def test_a_person_is_erased_once_and_asked_for_once_at_a_time():
    athlete = make_athlete()
    asked = request_for(athlete)
    with pytest.raises(WrongState):
        request_for(athlete)
    confirm_erasure(request_id=asked.pk, acting_user=make_user("admin"))
    for again in (
        lambda: request_for(athlete),
        lambda: confirm_erasure(request_id=asked.pk, acting_user=make_user("admin")),
    ):
        with pytest.raises(WrongState):
            again()


def test_an_athlete_asks_by_the_api_and_reads_why_it_was_refused():
    user = make_user("athlete")
    athlete = make_athlete(user=user)
    client = api_of(user)
    assert client.get("/api/v1/me/erasure").status_code == 404
    answer = client.post("/api/v1/me/erasure", {"reason": "I moved on"})
    assert answer.status_code == 201, answer.content
    assert client.post("/api/v1/me/erasure", {}).status_code == 409
    (asked,) = rows_of(ErasureRequest, athlete=athlete)
    assert b"moved" not in asked.reason
    refuse_erasure(request_id=asked.pk, reason="an invoice is open", acting_user=make_user("admin"))
    shown = client.get("/api/v1/me/erasure").json()
    assert (shown["state"], shown["answer"]) == ("refused", "an invoice is open")
    assert client.post("/api/v1/me/erasure", {}).status_code == 201


def test_administrators_hear_of_a_request_but_not_the_one_who_entered_it():
    entering, other, gone = make_user("admin"), make_user("admin"), make_user("admin")
    with unit_of_work(COMMAND_LINE):
        User.objects.filter(pk=gone.pk).update(is_active=False)
    make_user("coach")
    asked = request_for(make_athlete(), by=entering)
    (note,) = rows_of(Notification)
    assert (note.user_id, note.kind, note.target_id) == (other.pk, "erasure.requested", asked.pk)
    assert text_of(note.kind, note.data).link == f"/admin/accounts/erasurerequest/{asked.pk}/change/"


def test_others_ask_for_nobody_by_the_api():
    assert api_of(make_user("coach")).post("/api/v1/me/erasure", {}).status_code == 403
    assert api_of(make_user("athlete")).post("/api/v1/me/erasure", {}).status_code == 404


def test_each_step_writes_exactly_its_events():
    athlete, admin = make_athlete(), make_user("admin")
    asked = request_for(athlete)
    confirm_erasure(request_id=asked.pk, acting_user=admin)
    events = rows_of(AuditEvent, target_id=asked.pk)
    assert sorted(event.action for event in events) == [
        "erasure.execute",
        "erasure.request",
        "erasure.state",
        "erasure.state",
    ]
    states = {event.linked_event_id: event.metadata_json["state"] for event in events if event.linked_event_id}
    actions = {event.pk: event.action for event in events}
    assert {actions[pk]: state for pk, state in states.items()} == {
        "erasure.request": "open",
        "erasure.execute": "done",
    }


def test_the_dry_run_changes_nothing_and_names_every_table(capsys):
    review = make_review()
    before = {t.table: snapshot_of(t.table) for _, t in ERASURE.items()}
    call_command("erase_athlete", str(review.athlete.pk), reason="asked", dry_run=True, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert {line["table"] for line in report["tables"]} == set(ERASURE)
    assert next(line for line in report["tables"] if line["table"] == "plan_versions")["rows"] >= 1
    assert {t.table: snapshot_of(t.table) for _, t in ERASURE.items()} == before


def test_the_command_erases(capsys):
    athlete = make_athlete(name="Somebody")
    call_command("erase_athlete", str(athlete.pk), reason="asked by letter", as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["keys"] == 1
    assert only(Athlete, pk=athlete.pk).name == "Erased athlete"
    with pytest.raises(CommandError) as refused:
        call_command("erase_athlete", str(athlete.pk), reason="again")
    assert refused.value.returncode == 4


def test_the_second_wall_shows_requests_to_their_athlete_and_to_who_decides():
    coach, user, other = make_user("coach"), make_user("athlete"), make_user("athlete")
    athlete = make_athlete(coach=coach, user=user)
    make_athlete(user=other)
    request_for(athlete)
    if connection.vendor != "postgresql":
        with pytest.raises(NotVisible):
            what_would_go(athlete_id=athlete.pk, acting_user=other)
        return
    seen = {}
    for name, reader in {"coach": coach, "athlete": user, "other": other, "admin": make_user("admin")}.items():
        with unit_of_work(reader, read_only=True):
            seen[name] = ErasureRequest.objects.count()
    assert seen == {"coach": 0, "athlete": 1, "other": 0, "admin": 1}


# Tables whose rows name nobody, or only staff: what erasing an athlete has no business with.
OTHERS = {
    "accounts_teammembership",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "break_glass",
    "coach_report_preferences",
    "guardian_userobjectpermission",
    "rollout_approvals",
    "rollout_approvals_history",
    "rollout_flag_users",
    "rollouts",
    "rollouts_history",
    "training_runs",
    "waffle_flag_users",
}


def test_every_table_that_names_a_person_says_what_erasing_does():
    columns = {"athlete_id", "subject_id", "user_id", "requested_by_id"}
    with connection.cursor() as cursor:
        naming = {
            table
            for table in connection.introspection.table_names(cursor)
            for column in connection.introspection.get_table_description(cursor, table)
            if column.name in columns
        }
    assert naming - OTHERS - set(ERASURE) == set()


def test_the_document_says_what_erasing_does_to_each_table():
    told = (ROOT / "docs" / "governance.md").read_text(encoding="utf-8")
    missing = [table for table, erasure in ERASURE.items() if f"| `{table}` | {erasure.does} |" not in told]
    assert missing == []
