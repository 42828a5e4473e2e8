"""What the relay decides about a batch, and how long it leaves a failing sink alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import clock
from telemetry.models import OutboxEvent
from telemetry.relay import MAX_ATTEMPTS, RETRY_AFTER, Backoff, event_of, next_try, publish
from telemetry.sinks import Event, Refused, SinkFailed
from tests.telemetry.making import add_schemas, event

pytestmark = pytest.mark.pure
A, B = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True, scope="module")
def _schemas() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        add_schemas(patch)
        yield


class Memory:
    """A sink in memory: refuses some ids, and keeps what it took when it is flushed."""

    def __init__(self, refused: Sequence[UUID] = (), *, late: bool = False) -> None:
        self.refused, self.late = set(refused), late
        self.taken: list[UUID] = []
        self.kept: list[UUID] = []

    def write(self, batch: Sequence[Event]) -> None:
        self.taken = [one.id for one in batch]
        if not self.late:
            self._refuse()

    def flush(self) -> None:
        if self.late:
            self._refuse()
        self.kept += self.taken

    def _refuse(self) -> None:
        if wrong := self.refused & set(self.taken):
            raise Refused(dict.fromkeys(wrong, "no"))

    def close(self) -> None:
        pass


def test_a_batch_is_published_in_its_order() -> None:
    rows = [event(A, number=1), event(B, number=1), event(A, number=2)]
    sink = Memory()
    fate = publish(rows, sink)
    assert fate.published == sink.kept == [row.id for row in rows]
    assert fate.poison == {}


def _other_version(row: OutboxEvent) -> None:
    row.data["dataschema"] = "urn:mesocycle:event:test.happened:9"


def _other_id(row: OutboxEvent) -> None:
    row.data["id"] = str(A)


def _no_data(row: OutboxEvent) -> None:
    del row.data["data"]


def _no_object(row: OutboxEvent) -> None:
    row.data = "Jane Doe"


def _invalid(row: OutboxEvent) -> None:
    row.data["data"]["number"] = "Jane Doe"


def _no_number(row: OutboxEvent) -> None:
    row.data["data"]["value"] = float("nan")


def _no_text(row: OutboxEvent) -> None:
    row.data["subject"] = "\ud800"


def _no_time(row: OutboxEvent) -> None:
    row.data["time"] = "Jane Doe"


@pytest.mark.parametrize(
    "spoil",
    [_other_version, _other_id, _no_data, _no_object, _invalid, _no_number, _no_text, _no_time],
)
def test_an_event_that_cannot_leave_holds_up_its_aggregate_alone(spoil: Callable[[OutboxEvent], None]) -> None:
    rows = [event(A, number=1), event(A, number=2), event(B, number=1), event(A, number=3)]
    spoil(rows[1])
    sink = Memory()
    fate = publish(rows, sink)
    assert fate.published == sink.kept == [rows[0].id, rows[2].id]
    assert fate.poison.keys() == {rows[1].id}
    assert "Jane" not in fate.poison[rows[1].id]


@pytest.mark.parametrize("late", [False, True])
def test_what_the_sink_refuses_is_no_different(late: bool) -> None:
    rows = [event(A, number=1), event(A, number=2), event(B, number=1), event(A, number=3)]
    sink = Memory([rows[1].id, rows[3].id], late=late)
    fate = publish(rows, sink)
    assert fate.published == sink.kept == [rows[0].id, rows[2].id]
    assert fate.poison == {rows[1].id: "no"}


_PLANS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["good", "invalid", "refused"])), max_size=25)


@given(_PLANS)
def test_nothing_overtakes_within_an_aggregate(plan: list[tuple[int, str]]) -> None:
    rows = [event(UUID(int=aggregate), number=number) for number, (aggregate, _) in enumerate(plan)]
    for row, (_, kind) in zip(rows, plan, strict=True):
        if kind == "invalid":
            _invalid(row)
    fate = publish(
        rows, sink := Memory([row.id for row, (_, kind) in zip(rows, plan, strict=True) if kind == "refused"])
    )
    assert fate.published == sink.kept
    for aggregate in {row.aggregate_id for row in rows}:
        kinds = [
            (row.id, kind) for row, (number, kind) in zip(rows, plan, strict=True) if row.aggregate_id == aggregate
        ]
        first_bad = next((place for place, (_, kind) in enumerate(kinds) if kind != "good"), len(kinds))
        assert [one for one in fate.published if one in dict(kinds)] == [one for one, _ in kinds[:first_bad]]
        assert [one for one in fate.poison if one in dict(kinds)] == [
            one for one, _ in kinds[first_bad : first_bad + 1]
        ]


def test_a_sink_that_fails_publishes_nothing() -> None:
    class Failing(Memory):
        def flush(self) -> None:
            raise OSError("no space")

    class Wild(Memory):
        def write(self, batch: Sequence[Event]) -> None:
            raise Refused({B: "never saw it"})

    with pytest.raises(SinkFailed, match="no space"):
        publish([event(A, number=1)], Failing())
    with pytest.raises(SinkFailed, match="not given"):
        publish([event(A, number=1)], Wild())


def test_an_event_from_before_there_were_schemas_counts_as_the_first_version() -> None:
    row = event(A, number=1)
    del row.data["dataschema"]
    assert event_of(row).version == 1


def test_a_failing_sink_is_left_alone_for_longer_and_longer_but_not_in_step() -> None:
    backoff = Backoff(rng=random.Random(1))
    waits = [backoff.failed(100.0) for _ in range(12)]
    for place, wait in enumerate(waits):
        whole = min(60.0, 2.0**place)
        assert whole / 2 <= wait <= whole
    assert len({round(wait / min(60.0, 2.0**place), 6) for place, wait in enumerate(waits)}) == len(waits)
    assert backoff.waits(100.0 + waits[-1] - 0.01)
    assert not backoff.waits(100.0 + waits[-1] + 0.01)
    backoff.succeeded()
    assert not backoff.waits(0.0)
    assert backoff.failed(0.0) <= 1.0


def test_an_event_is_tried_a_bounded_number_of_times() -> None:
    now = clock.now()
    moments = [next_try(attempts, now) for attempts in range(1, MAX_ATTEMPTS + 1)]
    assert moments[-1] is None
    for moment, wait in zip(moments[:-1], RETRY_AFTER, strict=True):
        assert moment is not None
        assert wait <= moment - now <= 1.2 * wait
