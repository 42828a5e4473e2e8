"""Units of work: who acts, in which transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction

from common import context
from common.context import ContextMismatch, NoContext, acting_as, current_actor, service, unit_of_work
from common.ids import uuid7
from common.models import SubjectKey

pytestmark = pytest.mark.django_db

Person = Callable[..., Any]


def _write() -> SubjectKey:
    return SubjectKey.objects.create(subject_id=uuid7(), version=1, wrapped_key=b"k")


def test_without_a_unit_of_work_nobody_acts() -> None:
    with pytest.raises(NoContext):
        current_actor()


def test_an_anonymous_person_and_an_unregistered_service_cannot_act() -> None:
    with pytest.raises(NoContext), unit_of_work(AnonymousUser()):  # type: ignore[arg-type]
        pass
    with pytest.raises(KeyError), acting_as(context.ServiceIdentity("nobody-registered-this")):
        pass


def test_inner_unit_of_the_same_actor_joins_and_another_actor_is_refused(person: Person) -> None:
    somebody = person()
    with unit_of_work(somebody):
        with unit_of_work(somebody):
            assert current_actor() is somebody
        with pytest.raises(ContextMismatch), unit_of_work(person()):
            pass
        with pytest.raises(ContextMismatch), acting_as(service("public")):
            pass
    with pytest.raises(NoContext):
        current_actor()


def test_an_error_rolls_everything_back(person: Person) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work(person()):
        _write()
        1 / 0
    assert not SubjectKey.objects.exists()


def test_an_inner_error_that_the_caller_swallows_still_keeps_nothing(person: Person) -> None:
    somebody = person()
    with pytest.raises(transaction.TransactionManagementError), unit_of_work(somebody):  # noqa: PT012
        try:
            with unit_of_work(somebody):
                _write()
                raise ValueError
        except ValueError:
            SubjectKey.objects.count()
    assert not SubjectKey.objects.exists()


def test_a_read_only_unit_reads_and_refuses_to_write(person: Person) -> None:
    somebody = person()
    with unit_of_work(somebody, read_only=True):
        assert SubjectKey.objects.count() == 0
        with pytest.raises(ContextMismatch), unit_of_work(somebody):
            pass
    with pytest.raises((ContextMismatch, DatabaseError)), unit_of_work(somebody, read_only=True):
        _write()
    assert not SubjectKey.objects.exists()
    with unit_of_work(somebody):
        _write()
    assert SubjectKey.objects.count() == 1


def test_a_read_joins_an_open_writing_unit(person: Person) -> None:
    somebody = person()
    with unit_of_work(somebody):
        row = _write()
        with unit_of_work(somebody, read_only=True):
            assert SubjectKey.objects.filter(pk=row.pk).exists()
        _write()
    assert SubjectKey.objects.count() == 2


def test_a_unit_of_work_inside_a_foreign_transaction_is_refused(person: Person) -> None:
    with pytest.raises(RuntimeError), transaction.atomic(), unit_of_work(person()):
        pass


def test_what_is_left_for_afterwards_survives_the_roll_back(person: Person) -> None:
    somebody, seen = person(), []

    def write_afterwards() -> None:
        seen.append(context.in_unit_of_work())
        with unit_of_work(somebody):
            _write()

    with pytest.raises(ZeroDivisionError), unit_of_work(somebody):
        _write()
        context.after_unit(write_afterwards)
        1 / 0
    assert seen == [False]
    assert SubjectKey.objects.count() == 1


def test_an_error_afterwards_does_not_reach_the_caller(person: Person) -> None:
    with unit_of_work(person()):
        context.after_unit(lambda: 1 / 0)  # type: ignore[arg-type, return-value]


def test_work_on_commit_finds_no_open_unit(person: Person, django_capture_on_commit_callbacks: Any) -> None:
    seen = []
    with django_capture_on_commit_callbacks(execute=True), unit_of_work(person()):
        transaction.on_commit(lambda: seen.append(context.in_unit_of_work()))
    assert seen == [False]


@pytest.mark.postgres
def test_postgres_knows_who_acts_until_the_unit_ends(person: Person) -> None:
    def settings_now() -> tuple[str, str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.user_id', true), current_setting('app.service', true)")
            user_id, service_name = cursor.fetchone()
            return user_id or "", service_name or ""

    before, somebody = settings_now(), person()
    with unit_of_work(somebody):
        assert settings_now() == (str(somebody.pk), "")
    assert settings_now() == before
    with acting_as(service("public"), read_only=True):
        assert settings_now() == ("", "public")
    assert settings_now() == before
    with pytest.raises(ZeroDivisionError), unit_of_work(somebody):
        1 / 0
    assert settings_now() == before
