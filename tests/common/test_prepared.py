"""Queries that are compiled once: the same rows as the queryset, and nothing of one asker's left for the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction

from accounts.models import Athlete, User
from accounts.scope import asked_by, athlete_for, athletes_in_scope, athletes_reached, reach_of
from accounts.services.people import end_link
from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.errors import NotVisible
from common.ids import uuid7
from common.models import SubjectKey
from common.prepared import Given, Prepared
from experiments.policies import ASSIGN
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db
EARLY_AND_LATE = 8
"""More often than PostgreSQL plans a prepared statement anew before it keeps one plan for all values."""


def key_of() -> models.QuerySet[SubjectKey]:
    return SubjectKey.objects.filter(subject_id=Given("subject", models.UUIDField()))


def reached(reach: Any) -> models.QuerySet[Athlete]:
    return Athlete.objects.filter(athletes_reached(reach)).order_by("id")


def people() -> list[Any]:
    coaches = [make_user("coach") for _ in range(2)]
    athletes = [make_user("athlete") for _ in range(2)]
    for coach, athlete in zip(coaches, athletes, strict=True):
        make_athlete(coach=coach)
        make_athlete(coach=coach, user=athlete)
    former = make_user("coach")
    make_athlete(coach=former)
    former.is_active = False
    return [*coaches, *athletes, make_user("admin"), make_user("support"), former, COMMAND_LINE]


def test_everybody_reaches_by_the_prepared_scope_whom_they_reach_by_the_plain_one():
    prepared: Prepared[Athlete] = Prepared(reached)
    sizes = []
    everybody = people()
    for user in everybody * EARLY_AND_LATE:
        with unit_of_work(user, read_only=True):
            plain = list(Athlete.objects.filter(athletes_in_scope(user, ASSIGN)).order_by("id"))
            assert prepared.ask(reach_of(user, ASSIGN), **asked_by(user)) == plain
        sizes.append(len(plain))
    assert sizes[: len(everybody)] == [2, 2, 1, 1, 5, 0, 0, 5]


@pytest.mark.postgres
def test_one_plan_for_all_shows_each_asker_the_rows_that_row_level_security_leaves_them():
    askers = [user for user in people() if isinstance(user, User) and user.role == "coach"][:2]
    everybody: Prepared[Athlete] = Prepared(lambda: Athlete.objects.order_by("id"))
    seen = []
    for user in askers * EARLY_AND_LATE:
        with unit_of_work(user, read_only=True):
            seen.append({athlete.pk for athlete in everybody.ask()})
    assert len(seen[0]) == len(seen[1]) == 2 and not seen[0] & seen[1]
    assert seen == seen[:2] * EARLY_AND_LATE
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(generic_plans) FROM pg_prepared_statements WHERE statement LIKE %s",
            ['SELECT "accounts_athlete"."id"%ORDER BY "accounts_athlete"."id" ASC'],
        )
        assert cursor.fetchone()[0] > 0


def test_a_link_that_ended_meanwhile_reaches_no_more():
    coach = make_user("coach")
    athlete = make_athlete(coach=coach)
    with unit_of_work(coach):
        assert athlete_for(coach, ASSIGN, athlete.pk, lock=True) == athlete
        link_id = athlete.coach_links.get().pk
    end_link(link_id=link_id, acting_user=COMMAND_LINE)
    with pytest.raises(NotVisible), unit_of_work(coach):
        athlete_for(coach, ASSIGN, athlete.pk, lock=True)


def test_rows_come_as_from_the_queryset_and_the_compiled_query_is_used_again(person: Callable[..., Any]):
    built: list[None] = []

    def build() -> models.QuerySet[SubjectKey]:
        built.append(None)
        return key_of()

    prepared: Prepared[SubjectKey] = Prepared(build)
    with unit_of_work(person()):
        rows = [SubjectKey.objects.create(subject_id=uuid7(), version=n, wrapped_key=b"k%d" % n) for n in range(3)]
        for row in rows:
            [found] = prepared.ask(subject=row.subject_id)
            assert {f.name: getattr(found, f.attname) for f in row._meta.fields} == {
                f.name: getattr(row, f.attname) for f in row._meta.fields
            }
        assert prepared.ask(subject=uuid7()) == []
    assert built == [None]


def test_a_value_that_is_missing_or_none_is_refused():
    prepared: Prepared[SubjectKey] = Prepared(key_of)
    with pytest.raises(KeyError):
        prepared.ask(other=uuid7())
    with pytest.raises(ValueError, match="subject is None"):
        prepared.ask(subject=None)


@pytest.mark.postgres
@pytest.mark.parametrize("left", [{"pk": uuid7()}, {"created_at__lte": clock.now() + timedelta(days=1)}])
def test_an_id_or_a_moment_that_would_be_everybodys_from_then_on_is_refused(left):
    prepared: Prepared[SubjectKey] = Prepared(lambda: SubjectKey.objects.filter(**left))
    with pytest.raises(TypeError):
        prepared.ask()


def test_a_lock_needs_a_transaction_also_once_it_is_compiled(monkeypatch):
    prepared: Prepared[SubjectKey] = Prepared(lambda: key_of().select_for_update())
    with unit_of_work(COMMAND_LINE):
        assert prepared.ask(subject=uuid7()) == []
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "in_atomic_block", False)
    with pytest.raises(transaction.TransactionManagementError):
        prepared.ask(subject=uuid7())
