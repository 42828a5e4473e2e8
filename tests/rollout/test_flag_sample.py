"""`flag.evaluated`: a sample that depends on no answer, is the same in every process, and makes no read a write."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from common.context import COMMAND_LINE, unit_of_work
from rollout import sampling, selectors
from rollout.evaluation import Subject
from rollout.sampling import Sample, in_sample
from rollout.selectors import evaluate
from rollout.services.flags import seed_flags
from telemetry.models import OutboxEvent
from telemetry.tokens import person_token

FLAG, DAY = "plan.model_driven_generation", date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def sample(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sample]:
    settings.TELEMETRY_FLAG_SAMPLE = 1.0
    fresh = Sample()
    monkeypatch.setattr(selectors, "SAMPLE", fresh)
    yield fresh


def told() -> list[dict[str, Any]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = OutboxEvent.objects.filter(type="flag.evaluated").order_by("id")
        return [{"subject": row.data["subject"], **row.data["data"]} for row in rows]


@pytest.mark.django_db
def test_a_decision_inside_a_read_is_told_once_a_day_by_the_thread_afterwards(sample: Sample) -> None:
    seed_flags(acting_user=COMMAND_LINE)
    ann = UUID(int=1)
    with unit_of_work(COMMAND_LINE, read_only=True):
        for moment in (NOON, NOON + timedelta(hours=1), NOON + timedelta(days=1)):
            with clock.frozen(moment):
                value = evaluate(FLAG, Subject(str(ann), "elite")).value
        evaluate(FLAG, Subject("a word of a client's", "elite"))
        evaluate("no.such.flag", Subject(str(ann)))
    assert told() == []
    assert sample.write_now_and_then() == 2
    assert sample.write_now_and_then() == 0
    assert [event["day"] for event in told()] == ["2026-03-01", "2026-03-02"]
    first = told()[0]
    assert first["subject"] == first["subject_id"] == person_token(ann)
    assert (first["flag"], first["value"], first["sample_rate"]) == (FLAG, value, 1.0)


@pytest.mark.django_db
def test_what_cannot_be_written_waits(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_flags(acting_user=COMMAND_LINE)
    evaluate(FLAG, Subject(str(UUID(int=1)), "elite"))

    def fails(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(sampling, "emit", fails)
        assert sample.write() == 0
    assert sample.write() == 1
    assert len(told()) == 1


@pytest.mark.django_db
def test_a_sample_that_fails_changes_no_decision(sample: Sample, settings: Any) -> None:
    seed_flags(acting_user=COMMAND_LINE)
    before = evaluate(FLAG, Subject(str(UUID(int=1)), "elite"))
    settings.TELEMETRY_TOKEN_KEYS = {1: "no key"}
    after = evaluate(FLAG, Subject(str(UUID(int=2)), "elite"))
    assert (after.value, after.reason) == (before.value, before.reason)


@pytest.mark.pure
def test_the_sample_has_its_share_of_people_of_days_and_of_flags() -> None:
    people = [UUID(int=number) for number in range(4_000)]
    days = [DAY + timedelta(days=number) for number in range(4_000)]
    flags = [f"ui.flag{number}" for number in range(4_000)]
    for drawn in (
        sum(in_sample(FLAG, one, DAY, 0.1) for one in people),
        sum(in_sample(FLAG, people[1], one, 0.1) for one in days),
        sum(in_sample(one, people[1], DAY, 0.1) for one in flags),
    ):
        assert abs(drawn - 400) < 5 * 19  # a standard deviation is 19


@pytest.mark.pure
@given(person=st.uuids(), rates=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_a_larger_share_has_whom_the_smaller_has(person: UUID, rates: list[float]) -> None:
    small, large = (in_sample(FLAG, person, DAY, rate) for rate in rates)
    assert large or not small
    assert in_sample(FLAG, person, DAY, 1.0)
    assert not in_sample(FLAG, person, DAY, 0.0)
