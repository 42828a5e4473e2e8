"""The inbox: one's own notifications, what is unread, reading one and all."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.admin.notifications import PAGE_SIZE
from accounts.models import Notification, User
from accounts.services.notify import MOST_UNREAD, unread_count
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from tests.factories import make_user

pytestmark = pytest.mark.django_db

URL = "/admin/accounts/notification/"


@pytest.fixture
def coach() -> User:
    return make_user("coach")


def tell(user: User, count: int = 1, *, kind: str = "plan.changes_requested", **data: str) -> list[Notification]:
    data = {"plan_id": str(uuid7()), "race": "10k", "race_date": "2026-05-01", **data}
    rows = [
        Notification(
            user=user,
            kind=kind,
            subject_id=uuid7(),
            target_type="plan",
            target_id=uuid7(),
            data=data,
            dedupe_key=str(uuid4()),
        )
        for _ in range(count)
    ]
    with unit_of_work(COMMAND_LINE):
        return Notification.objects.bulk_create(rows)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, query: str = "") -> str:
    answer = client_of(user).get(URL + query)
    assert answer.status_code == 200
    return answer.content.decode()


def unread(user: User) -> int:
    with unit_of_work(user, read_only=True):
        return unread_count(user)


def test_everybody_sees_their_own_with_a_link_to_the_plan(coach: User) -> None:
    (row,) = tell(coach)
    tell(make_user("coach"), race_date="2029-09-09")
    shown = page(coach)
    assert "An athlete asks for changes: 10 km on 1 May 2026." in shown
    assert f'href="/admin/plans/plan/{row.data["plan_id"]}/change/" data-read="{row.pk}"' in shown
    assert "9 Sep 2029" not in shown


@pytest.mark.parametrize("role", ["admin", "coach", "support", "compliance", "data_scientist"])
def test_whoever_is_told_nothing_reads_so(role: str) -> None:
    assert "Nothing yet" in page(make_user(role))


def test_one_is_read_and_then_all(coach: User) -> None:
    first, *_ = tell(coach, 3)
    client = client_of(coach)
    assert client.post(f"{URL}read/", {"id": str(first.pk)}).headers["Location"] == URL
    assert unread(coach) == 2
    assert str(first.pk) not in page(coach)
    assert client.post(f"{URL}read/", {"all": "1", "unread": ""}).headers["Location"] == f"{URL}?unread"
    assert unread(coach) == 0
    assert "Everything is read" in page(coach, "?unread")
    assert page(coach).count("An athlete asks for changes") == 3


def test_nobody_reads_for_somebody_else(coach: User) -> None:
    (row,) = tell(make_user("coach"))
    for body in ({"id": str(row.pk)}, {"all": "1"}, {"id": "nonsense"}, {}):
        assert client_of(coach).post(f"{URL}read/", body).status_code == 302
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert Notification.objects.get(pk=row.pk).read_at is None


def test_reading_is_no_link_and_wants_the_csrf_token(coach: User) -> None:
    tell(coach)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(coach)
    assert strict.post(f"{URL}read/", {"all": "1"}).status_code == 403
    assert strict.get(f"{URL}read/").status_code == 405
    assert unread(coach) == 1


def test_the_bell_counts_what_is_unread_on_every_page(coach: User) -> None:
    assert _badge(page(coach)) == ""
    tell(coach, 2)
    assert _badge(client_of(coach).get("/admin/accounts/athlete/").content.decode()) == "2"
    tell(coach, MOST_UNREAD)
    assert _badge(page(coach)) == f"{MOST_UNREAD}+"


def test_older_ones_are_on_the_next_page(coach: User) -> None:
    rows = tell(coach, PAGE_SIZE + 2)
    first = page(coach)
    assert first.count("data-read") == PAGE_SIZE
    query = first.split('class="ac-button" href="')[1].split('"')[0]
    assert page(coach, query).count("data-read") == 2
    assert str(rows[0].pk) in page(coach, query)
    assert "Nothing older" in page(coach, f"?before={rows[0].pk}")


def test_a_kind_of_another_release_does_not_hide_the_list(coach: User) -> None:
    tell(coach, kind="plan.teleported")
    assert "plan.teleported" in page(coach)


def test_athletes_have_no_admin(coach: User) -> None:
    assert client_of(make_user("athlete")).get(URL).status_code == 302


def test_nobody_adds_changes_or_deletes_one(coach: User) -> None:
    (row,) = tell(coach)
    client: Any = client_of(coach)
    assert client.get(f"{URL}add/").status_code == 403
    assert client.get(f"{URL}{row.pk}/change/").headers["Location"] == URL
    assert client.post(f"{URL}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert unread(coach) == 1


def _badge(shown: str) -> str:
    """Return the number beside the entry of the sidebar."""
    entry = shown.split("<span>Notifications</span>")[1].split("</a>")[0]
    return entry.split(">", 1)[1].split("</span>")[0].strip() if "<span" in entry else ""
