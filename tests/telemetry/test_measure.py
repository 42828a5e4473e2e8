"""Each hour's requests are told once, when the hour is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.models import RequestRollup
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.services import measure
from telemetry.services.measure import measure_due, route_id

pytestmark = pytest.mark.django_db

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
ROUTE = "api/v1/plans/<uuid:plan_id>"


def requests(
    at: datetime, status: str, count: int, *, route: str = ROUTE, method: str = "GET", edge: str = "50"
) -> None:
    with unit_of_work(COMMAND_LINE):
        RequestRollup.objects.create(
            minute=at, route=route, method=method, status_class=status, count=count, latency={edge: count}
        )


def told() -> list[dict[str, Any]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return [row.data["data"] for row in OutboxEvent.objects.filter(type="service.measured").order_by("id")]


@pytest.fixture
def at_eleven() -> Iterator[None]:
    """Five minutes past eleven; since ten there were requests of two processes."""
    requests(TEN, "2xx", 3)
    requests(TEN + timedelta(minutes=59), "2xx", 2, edge="inf")
    requests(TEN, "4xx", 4)
    requests(TEN, "5xx", 1)
    requests(TEN, "2xx", 7, method="POST")
    requests(TEN, "4xx", 1, method="ANN@X.ORG")
    requests(TEN + timedelta(hours=1), "2xx", 9)
    with clock.frozen(TEN + timedelta(hours=1, minutes=5)):
        yield


def test_an_hour_is_summed_by_route_and_method(at_eleven: None) -> None:
    assert measure_due() == 1
    read, strange, write = told()
    assert read == {
        "hour": TEN.isoformat(),
        "route": ROUTE,
        "method": "GET",
        "requests": 10,
        "client_errors": 4,
        "server_errors": 1,
        "latency": {"50": 8, "inf": 2},
    }
    assert (strange["method"], strange["requests"]) == ("OTHER", 1)
    assert (write["method"], write["requests"], write["server_errors"]) == ("POST", 7, 0)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert set(OutboxEvent.objects.values_list("aggregate_id", flat=True)) == {route_id(ROUTE)}


def test_an_hour_is_told_once_and_none_is_left_out(at_eleven: None) -> None:
    with clock.frozen(TEN + timedelta(hours=1, minutes=4)):
        assert measure_due() == 0, "its last minutes are still being written"
    assert measure_due() == 1
    assert measure_due() == 0
    requests(TEN + timedelta(hours=3), "2xx", 5)  # and nobody came from twelve to one
    with clock.frozen(TEN + timedelta(hours=9)):
        assert measure_due() == 2
        assert measure_due() == 0
    hours = [datetime.fromisoformat(one["hour"]).hour for one in told()]
    assert hours == [10, 10, 10, 11, 13]


def test_an_hour_that_is_a_dead_letter_is_not_told_again(at_eleven: None) -> None:
    measure_due()
    with unit_of_work(COMMAND_LINE):
        for row in OutboxEvent.objects.all():
            kept = {name: getattr(row, name) for name in ("id", "type", "aggregate_id", "partition", "data")}
            DeadLetter.objects.create(**kept, occurred_at=row.occurred_at, attempts=5, reason="refused")
            row.delete()
    assert measure_due() == 0


def test_hours_are_whole_or_not_there(at_eleven: None, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = measure.emit, []

    def fails_at_the_third(*args: Any, **more: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return real(*args, **more)

    monkeypatch.setattr(measure, "emit", fails_at_the_third)
    with pytest.raises(RuntimeError):
        measure_due()
    assert told() == []
    assert measure_due() == 1
    assert len(told()) == 3


@pytest.mark.postgres
def test_while_somebody_else_tells_there_is_nothing_to_do(at_eleven: None) -> None:
    with psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [measure._LOCK])
        assert measure_due() == 0
    assert measure_due() == 1
