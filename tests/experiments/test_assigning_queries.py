"""What an assignment asks of the database, and that asking less gives away no more."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Athlete, CoachLink, User
from accounts.scope import athlete_for
from accounts.services.consent import record_consent
from accounts.services.people import end_link
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentAssignment, StratumCounter
from experiments.policies import ASSIGN
from experiments.services.assign import Answer, Standing, assign, assign_many, assigned_in
from experiments.services.running import create_experiment, step
from tests.experiments.protocols import protocol
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db
KEY = "taper"
TABLES = re.compile(r'^(SELECT .*? FROM|INSERT INTO|UPDATE) "', re.DOTALL)


def begin(**fields: Any) -> None:
    told: dict[str, Any] = {"key": KEY, "reason": "try it", "acting_user": COMMAND_LINE}
    create_experiment(fields={"variant_weights": {"a": 50, "b": 50}, "protocol": protocol(), **fields}, **told)
    step(command=Command.START, expected=None, **told)


@pytest.fixture
def coach(db: None) -> User:
    begin()
    return make_user("coach")


def agreeing(coach: User, n: int) -> list[Athlete]:
    athletes = [make_athlete(coach=coach) for _ in range(n)]
    for athlete in athletes:
        about: dict[str, Any] = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
        record_consent(athlete_id=athlete.pk, granted=True, **about)
    return athletes


def ask(coach: User, athletes: Sequence[Athlete]) -> list[Answer]:
    return assign_many(experiment_key=KEY, subjects=[(one.pk, {}) for one in athletes], acting_user=coach)


def statements(call: Callable[[], object]) -> list[str]:
    """Return the statements on tables, without those of the transaction, its context and the clock."""
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries.captured_queries if TABLES.match(query["sql"])]


def test_a_stored_answer_takes_two_statements_and_no_lock_for_any_number(coach):
    athletes = agreeing(coach, 100)
    first = ask(coach, athletes)
    for asked in (athletes[:1], athletes):
        sent = statements(lambda asked=asked: ask(coach, asked))
        assert len(sent) == 2
        assert not any(" FOR " in sql or not sql.startswith("SELECT") for sql in sent)
    assert ask(coach, athletes) == first


def test_a_first_answer_takes_five_statements_an_athlete_beside_those_two(coach):
    athletes = agreeing(coach, 9)
    ask(coach, athletes[:1])
    assert len(statements(lambda: ask(coach, athletes[1:2]))) == 2 + 5
    assert len(statements(lambda: ask(coach, athletes[2:]))) == 2 + 5 * 7
    assert StratumCounter.objects.get().arrived == 9


def test_a_stored_answer_is_given_to_nobody_who_may_not_ask(coach):
    [athlete] = agreeing(coach, 1)
    assert ask(coach, [athlete])[0].variant
    with pytest.raises(NotVisible):
        ask(make_user("coach"), [athlete])
    with unit_of_work(COMMAND_LINE, read_only=True):
        link = CoachLink.objects.get(athlete=athlete)
    end_link(link_id=link.pk, acting_user=COMMAND_LINE)
    with pytest.raises(NotVisible):
        ask(coach, [athlete])


def test_one_athlete_twice_in_a_request_has_one_answer(coach):
    [athlete] = agreeing(coach, 1)
    one, other = ask(coach, [athlete, athlete])
    assert one == other and one.variant
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert ExperimentAssignment.objects.count() == 1


def within(coach: User, athlete: Athlete, **attributes: str) -> Standing:
    """Assign as another service would: inside its own unit of work, the athlete locked."""
    with unit_of_work(coach):
        locked = athlete_for(coach, ASSIGN, athlete.pk, lock=True)
        return assigned_in(Experiment.objects.get(key=KEY), locked, attributes=attributes)


def test_another_service_gets_the_row_or_the_reason_inside_its_own_unit(coach):
    [athlete] = agreeing(coach, 1)
    none = within(coach, make_athlete(coach=coach))
    assert (none.assignment, none.reason.value) == (None, "not_consented")
    assert none.phase is not None and none.phase.number == 1
    found = within(coach, athlete)
    assert found.assignment is not None and found.reason.value == "assigned"
    assert within(coach, athlete) == found
    answer = assign(experiment_key=KEY, subject_id=athlete.pk, attributes={}, acting_user=coach)
    assert (answer.variant, answer.assigned_at) == (found.assignment.variant, found.assignment.assigned_at)


def test_it_refuses_before_it_writes_where_an_attribute_is_missing():
    begin(stratification_keys=["platform"])
    coach = make_user("coach")
    [athlete] = agreeing(coach, 1)
    with pytest.raises(InvalidInput):
        within(coach, athlete)
    assert not StratumCounter.objects.exists()
    assert within(coach, athlete, platform="ios").assignment is not None
