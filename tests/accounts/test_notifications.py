"""Notifications: once a cause, to nobody else, mailed after the commit and again after an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.locmem import EmailBackend as Mailbox
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Notification, User
from accounts.notifications import KINDS, register_kind
from accounts.services.notify import LONGEST_KEY, MAIL_JOB, MAILER, RETRY_AFTER, mark_read, notify, send_waiting_mail
from common import clock, context
from common.context import NoContext, unit_of_work
from common.ids import uuid7
from common.jobs import Job
from tests.factories import api_of, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "/api/v1/notifications"


class BrokenServer(BaseEmailBackend):
    """A mail server that is down."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError("no mail today")


class BrokenForOne(Mailbox):
    """A mail server that refuses one address."""

    def send_messages(self, messages: Any) -> int:
        if any("refused" in address for message in messages for address in message.to):
            raise ValueError("no such mailbox")
        return super().send_messages(messages)


class SweptMeanwhile(Mailbox):
    """A mail server so slow that the schedule's sweep comes by while it sends."""

    def send_messages(self, messages: Any) -> int:
        send_waiting_mail()
        return super().send_messages(messages)


BROKEN, BROKEN_FOR_ONE, SWEPT = (f"{__name__}.{made.__name__}" for made in (BrokenServer, BrokenForOne, SweptMeanwhile))


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KINDS, "_entries", dict(KINDS.items()))
    register_kind("test.told", title=lambda data: f"Told {data['what']}", link=lambda data: f"/things/{data['what']}")


def tell(*users: User, by: User, key: str = "cause", kind: str = "test.told", **data: Any) -> None:
    with unit_of_work(by):
        notify(
            user_ids=[user.pk for user in users],
            kind=kind,
            subject_id=uuid7(),
            target_type="plan",
            target_id=uuid7(),
            data={"what": 1, **data},
            dedupe_key=key,
        )


def rows_of(user: User) -> list[Notification]:
    with unit_of_work(user, read_only=True):
        return list(Notification.objects.filter(user=user).order_by("id"))


def alter(**changes: Any) -> None:
    with unit_of_work(MAILER):
        Notification.objects.update(**changes)


@pytest.fixture
def coach() -> User:
    return make_user("coach")


@pytest.fixture
def athlete() -> User:
    return make_user("athlete")


# What is told, and to whom


def test_a_cause_is_told_once_to_each_person(coach: User, athlete: User) -> None:
    other = make_user("athlete")
    tell(athlete, by=coach)
    tell(athlete, athlete, other, by=coach)
    tell(athlete, by=coach, key="another cause")
    assert [row.dedupe_key for row in rows_of(athlete)] == ["cause", "another cause"]
    assert [row.dedupe_key for row in rows_of(other)] == ["cause"]


def test_a_repeated_cause_is_mailed_once(coach: User, athlete: User, django_capture_on_commit_callbacks: Any) -> None:
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            tell(athlete, by=coach)
    assert [message.to for message in mail.outbox] == [[athlete.email]]


def test_causes_that_differ_late_are_not_taken_for_one(coach: User, athlete: User) -> None:
    tell(athlete, by=coach, key="k" * LONGEST_KEY)
    with pytest.raises(ValueError, match="dedupe_key"):
        tell(athlete, by=coach, key="k" * LONGEST_KEY + "2")
    assert len(rows_of(athlete)) == 1


def test_outside_a_unit_of_work_nobody_is_told(athlete: User) -> None:
    arguments: dict[str, Any] = {"kind": "test.told", "subject_id": uuid7(), "target_type": "plan", "data": {"what": 1}}
    arguments |= {"user_ids": [athlete.pk], "target_id": uuid7(), "dedupe_key": "cause"}
    with pytest.raises(NoContext):
        notify(**arguments)
    with unit_of_work(athlete, read_only=True), pytest.raises(NoContext):
        notify(**arguments)
    assert rows_of(athlete) == []


def test_an_unknown_kind_is_refused(coach: User, athlete: User) -> None:
    with pytest.raises(KeyError):
        tell(athlete, by=coach, kind="test.nobody")
    assert rows_of(athlete) == []


def test_a_change_that_rolls_back_tells_nobody(
    coach: User, athlete: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RuntimeError), unit_of_work(coach):
        tell(athlete, by=coach)
        raise RuntimeError("the change fails after all")
    assert rows_of(athlete) == []
    assert mail.outbox == []
    assert not Job.objects.filter(kind=MAIL_JOB).exists()


# Mail


def test_mail_leaves_after_the_commit(coach: User, athlete: User, django_capture_on_commit_callbacks: Any) -> None:
    other = make_user("athlete")
    register_kind("test.long", title=lambda d: "Short", body=lambda d: "At length.", link=lambda d: "/x")
    with django_capture_on_commit_callbacks(execute=True):
        tell(athlete, other, by=coach)
        assert mail.outbox == []
    assert Job.objects.filter(kind=MAIL_JOB).values_list("state", "result__sent").get() == ("done", 2)
    assert {tuple(message.to) for message in mail.outbox} == {(athlete.email,), (other.email,)}
    assert mail.outbox[0].subject == "Mesocycle: Told 1"
    assert mail.outbox[0].body == "Told 1\n\nhttp://127.0.0.1:8000/things/1\n"
    (row,) = rows_of(athlete)
    assert (row.emailed_at is not None, row.email_attempts, row.email_error) == (True, 1, "")

    with django_capture_on_commit_callbacks(execute=True):
        tell(athlete, by=coach, key="long", kind="test.long")
    assert mail.outbox[-1].body == "Short\n\nAt length.\n\nhttp://127.0.0.1:8000/x\n"


def test_a_mail_server_that_is_down_costs_only_time(
    coach: User, athlete: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, BROKEN
    with clock.frozen(NOW):
        with django_capture_on_commit_callbacks(execute=True), unit_of_work(coach):
            User.objects.filter(pk=coach.pk).update(name="Changed")
            tell(athlete, by=coach)
        (row,) = rows_of(athlete)
        assert User.objects.get(pk=coach.pk).name == "Changed"
        assert (row.emailed_at, row.email_attempts, row.email_error) == (None, 1, "ConnectionRefusedError")
        assert Job.objects.get(kind=MAIL_JOB).state == "done"
    settings.EMAIL_BACKEND = working
    with clock.frozen(NOW + RETRY_AFTER[0]):
        assert send_waiting_mail() == 1
        assert send_waiting_mail() == 0
    (row,) = rows_of(athlete)
    assert (row.emailed_at, row.email_attempts, row.email_error) == (NOW + RETRY_AFTER[0], 2, "")
    assert len(mail.outbox) == 1


def test_mail_survives_an_outage_of_hours_swept_every_minute(coach: User, athlete: User, settings: Any) -> None:
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, BROKEN
    with clock.frozen(NOW):
        tell(athlete, by=coach)
    for minute in range(0, 6 * 60, 5):
        with clock.frozen(NOW + timedelta(minutes=minute)):
            assert send_waiting_mail() == 0
    assert rows_of(athlete)[0].email_attempts == 4
    settings.EMAIL_BACKEND = working
    with clock.frozen(NOW + timedelta(hours=12)):
        assert send_waiting_mail() == 1


def test_mail_that_never_goes_through_is_given_up(coach: User, athlete: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = BROKEN
    with clock.frozen(NOW):
        tell(athlete, by=coach)
    for day in range(9):
        with clock.frozen(NOW + timedelta(days=day)):
            send_waiting_mail()
    assert rows_of(athlete)[0].email_attempts == len(RETRY_AFTER) + 1


def test_a_sweep_leaves_alone_what_is_being_sent(coach: User, athlete: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = SWEPT
    tell(athlete, by=coach)
    assert send_waiting_mail() == 1
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("trouble", ["address", "kind", "data"])
def test_one_bad_mail_does_not_hold_up_the_others(coach: User, athlete: User, settings: Any, trouble: str) -> None:
    bad = make_user("athlete", email="refused@test.example" if trouble == "address" else "b@test.example")
    settings.EMAIL_BACKEND = BROKEN_FOR_ONE
    tell(bad, by=coach)
    if trouble == "kind":
        alter(kind="test.of-another-release")
    if trouble == "data":
        alter(data={})
    tell(athlete, by=coach)
    assert send_waiting_mail() == 1
    assert [message.to for message in mail.outbox] == [[athlete.email]]
    (row,) = rows_of(bad)
    assert row.email_error == ("ValueError" if trouble == "address" else "KeyError")


def test_people_who_may_not_log_in_get_no_mail(coach: User, athlete: User) -> None:
    with unit_of_work(MAILER):
        User.objects.filter(pk=athlete.pk).update(is_active=False)
    tell(athlete, by=coach)
    assert send_waiting_mail() == 0
    assert mail.outbox == []


# The list


def test_the_list_is_ones_own_newest_first(coach: User, athlete: User) -> None:
    tell(athlete, by=coach, key="a", what=1)
    tell(athlete, by=coach, key="b", what=2)
    tell(coach, by=athlete, key="c", what=3)
    page = api_of(athlete).get(URL).json()
    assert [(row["title"], row["body"], row["link"]) for row in page["results"]] == [
        ("Told 2", "", "/things/2"),
        ("Told 1", "", "/things/1"),
    ]
    assert page["unread_count"] == 2
    assert [row["title"] for row in api_of(coach).get(URL).json()["results"]] == ["Told 3"]


@pytest.mark.parametrize("role", ["admin", "support", "compliance", "data_scientist"])
def test_no_role_reads_the_notifications_of_others(coach: User, athlete: User, role: str) -> None:
    tell(athlete, by=coach)
    client = api_of(make_user(role))
    page = client.get(URL).json()
    assert (page["results"], page["unread_count"]) == ([], 0)
    assert client.post(f"{URL}/read", {"all": True}).json() == {"marked": 0}
    assert rows_of(athlete)[0].read_at is None


def test_a_stranger_is_asked_who_they_are(client: Any) -> None:
    assert client.get(URL).status_code == 401
    assert client.post(f"{URL}/read", {"all": True}, content_type="application/json").status_code == 401


def test_pages_follow_the_cursor_and_count_all_that_is_unread(coach: User, athlete: User) -> None:
    for number in range(5):
        tell(athlete, by=coach, key=str(number), what=number)
    client = api_of(athlete)
    titles, url = [], f"{URL}?page_size=2"
    while url:
        page = client.get(url).json()
        assert page["unread_count"] == 5
        titles += [row["title"] for row in page["results"]]
        url = page["next"]
    assert titles == [f"Told {number}" for number in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("only", ["true", "1", "True"])
def test_the_list_can_show_only_what_is_unread(coach: User, athlete: User, only: str) -> None:
    tell(athlete, by=coach, key="a", what=1)
    tell(athlete, by=coach, key="b", what=2)
    mark_read(ids=[rows_of(athlete)[0].pk], acting_user=athlete)
    client = api_of(athlete)
    unread = client.get(URL, {"unread": only}).json()
    assert ([row["title"] for row in unread["results"]], unread["unread_count"]) == (["Told 2"], 1)
    everything = client.get(URL, {"unread": "false"}).json()
    assert (len(everything["results"]), everything["unread_count"]) == (2, 1)


def test_a_filter_that_says_neither_is_refused(athlete: User) -> None:
    refused = api_of(athlete).get(URL, {"unread": "perhaps"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/unread"


@pytest.mark.parametrize("changes", [{"kind": "test.of-another-release"}, {"data": {}}])
def test_a_row_that_this_release_cannot_read_hides_no_other(coach: User, athlete: User, changes: dict) -> None:
    tell(athlete, by=coach, key="a")
    alter(**changes)
    tell(athlete, by=coach, key="b")
    page = api_of(athlete).get(URL).json()
    assert [row["title"] for row in page["results"]] == ["Told 1", changes.get("kind", "test.told")]


def test_the_list_asks_the_same_of_the_database_for_one_and_for_fifty(coach: User, athlete: User) -> None:
    client = api_of(athlete)
    counts = []
    for number in range(50):
        tell(athlete, by=coach, key=str(number))
        if number in (0, 49):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert len(client.get(URL).json()["results"]) == number + 1
            counts.append(len(queries))
    assert counts[0] == counts[1]


# Reading


def test_reading_is_marked_once_and_keeps_its_moment(coach: User, athlete: User) -> None:
    for key in "abc":
        tell(athlete, by=coach, key=key)
    first, second, third = (row.pk for row in rows_of(athlete))
    client = api_of(athlete)
    before = clock.now()
    assert client.post(f"{URL}/read", {"ids": [str(first)]}).json() == {"marked": 1}
    read_at = rows_of(athlete)[0].read_at
    assert read_at is not None
    assert read_at >= before
    assert client.post(f"{URL}/read", {"ids": [str(first), str(second)]}).json() == {"marked": 1}
    assert client.post(f"{URL}/read", {"all": True}).json() == {"marked": 1}
    assert client.post(f"{URL}/read", {"all": True}).json() == {"marked": 0}
    assert rows_of(athlete)[0].read_at == read_at
    assert client.get(URL).json()["unread_count"] == 0


def test_nobody_marks_what_others_have_not_read(coach: User, athlete: User) -> None:
    tell(athlete, by=coach)
    (row,) = rows_of(athlete)
    assert api_of(coach).post(f"{URL}/read", {"ids": [str(row.pk)]}).json() == {"marked": 0}
    assert rows_of(athlete)[0].read_at is None


@pytest.mark.parametrize("body", [{}, {"all": False}, {"ids": [str(UUID(int=1))], "all": True}, {"ids": ["x"]}])
def test_reading_wants_either_ids_or_all(coach: User, athlete: User, body: dict[str, Any]) -> None:
    tell(athlete, by=coach)
    assert api_of(athlete).post(f"{URL}/read", body).status_code == 400
    assert rows_of(athlete)[0].read_at is None


# The second wall


@pytest.mark.postgres
def test_row_level_security_keeps_rows_to_their_person(coach: User, athlete: User) -> None:
    tell(athlete, by=coach)
    for other in (coach, make_user("support"), make_user("athlete"), context.PUBLIC):
        with unit_of_work(other):
            assert not Notification.objects.exists()
            assert Notification.objects.update(read_at=NOW) == 0
            assert Notification.objects.all()._raw_delete(Notification.objects.db) == 0  # past the ORM's own filters
    with unit_of_work(athlete, read_only=True):
        assert Notification.objects.get().read_at is None
    assert not Notification.objects.exists(), "without a context there are no rows"


@pytest.mark.postgres
def test_row_level_security_lets_only_those_who_act_tell_others(athlete: User) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), unit_of_work(context.PUBLIC):
        notify(
            user_ids=[athlete.pk],
            kind="test.told",
            subject_id=uuid7(),
            target_type="plan",
            target_id=uuid7(),
            data={"what": 1},
            dedupe_key="forged",
        )
    assert rows_of(athlete) == []


def test_the_database_holds_that_a_cause_is_told_once(coach: User, athlete: User) -> None:
    tell(athlete, by=coach)
    with pytest.raises(IntegrityError), unit_of_work(athlete), transaction.atomic():
        (row,) = Notification.objects.filter(user=athlete)
        row.pk = uuid7()
        row.save(force_insert=True)
    assert len(rows_of(athlete)) == 1
