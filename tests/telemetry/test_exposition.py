"""`/metrics` and the health of the service: who may read, and that the numbers add up over processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from common import clock, latency, rollup, sampling
from common.models import Job, ProcessRole, ProcessSample, RequestRollup
from common.monitoring import SERIES, Kind, Series
from common.sampling import CACHES, Sampler
from telemetry import exposition
from telemetry.models import DeadLetter
from telemetry.monitored import queue_lengths
from telemetry.service_health import service_health
from tests.factories import make_user
from tests.telemetry.making import dead_letter

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def counted(at: datetime, route: str, status: str, found: dict[str, int], *, total_ms: float) -> None:
    """What one flush of one process wrote."""
    RequestRollup.objects.create(
        minute=at.replace(second=0), route=route, method="GET", status_class=status, count=sum(found.values()),
        total_ms=total_ms, latency=found, created_at=at,
    )  # fmt: skip


def sample(at: datetime, process: str, **more: Any) -> None:
    given = {"role": ProcessRole.WEB, "memory_bytes": 100, "cpu_percent": 10.0, **more}
    ProcessSample.objects.create(at=at, process=process, **given)


def values(now: datetime = NOW) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with clock.frozen(now):
        text = exposition.exposition(now).decode()
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items())): one.value for f in families for one in f.samples}


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


@pytest.mark.parametrize(
    ("token", "sent", "status"),
    [
        ("s3cret", "Bearer s3cret", 200),
        ("s3cret", "bearer s3cret", 200),
        ("s3cret", "Bearer s3cre", 401),
        ("s3cret", "Bearer s3cretx", 401),
        ("s3cret", "Basic s3cret", 401),
        ("s3cret", "", 401),
        ("s3cret", "Bearer \u00e9", 401),
        ("", "Bearer ", 401),  # no token is set: it lets nobody in, on the machine itself neither
        ("", "", 401),
    ],
)
def test_only_the_token_opens_it(settings, token, sent, status):
    settings.METRICS_TOKEN = token
    response = Client().get("/metrics", headers={"Authorization": sent})
    assert response.status_code == status
    assert b"mesocycle_" not in response.content or status == 200
    assert response.headers["Cache-Control"].count("no-store") == 1


@pytest.mark.parametrize(
    ("role", "status"), [("admin", 200), ("coach", 401), ("data_scientist", 401), ("athlete", 401)]
)
def test_or_the_session_of_who_operates_telemetry(role, status):
    client = Client()
    client.force_login(make_user(role))
    assert client.get("/metrics").status_code == status
    assert client.post("/metrics").status_code == 405


def test_requests_are_those_of_all_processes_since_midnight():
    for _ in range(2):  # two processes
        counted(NOW - MINUTE, "plans/", "2xx", {"10": 3, "50": 2, "inf": 1}, total_ms=120.0)
    counted(NOW - MINUTE, "plans/", "5xx", {"5": 1}, total_ms=4.0)
    counted(NOW - timedelta(days=1), "plans/", "2xx", {"10": 1000}, total_ms=1.0)
    found, own = values(), {"route": "plans/", "method": "GET", "status": "2xx"}
    name = "mesocycle_request_duration_seconds"
    assert found[key(f"{name}_count", **own)] == 12
    assert found[key(f"{name}_sum", **own)] == pytest.approx(0.24)
    assert [found[key(f"{name}_bucket", **own, le=edge)] for edge in ("0.005", "0.01", "0.05", "10.0", "+Inf")] == [
        0, 6, 10, 10, 12,
    ]  # fmt: skip
    assert found[key(f"{name}_count", **own | {"status": "5xx"})] == 1


def test_what_belongs_to_the_last_minute_of_a_day_counts_in_the_day_that_it_was_written_in():
    midnight = NOW.replace(hour=0, minute=0, second=0)
    counted(midnight - MINUTE, "r", "2xx", {"5": 1}, total_ms=1.0)
    RequestRollup.objects.update(created_at=midnight + timedelta(seconds=2))
    assert values()[key("mesocycle_request_duration_seconds_count", route="r", method="GET", status="2xx")] == 1


def test_processes_caches_letters_and_jobs_are_exported_and_a_gpu_only_where_there_is_one():
    sample(NOW - 2 * MINUTE, "web:1", memory_bytes=90, caches_json={"flags": [5, 1]})
    sample(NOW - MINUTE, "web:1", memory_bytes=100, caches_json={"flags": [7, 0]})
    sample(NOW - timedelta(minutes=9), "web:gone")
    Job.objects.create(kind="k", state="queued", created_at=NOW - 2 * MINUTE)
    dead_letter()
    found = values()
    memory = {labels: value for (name, labels), value in found.items() if name == "mesocycle_process_memory_bytes"}
    assert memory == {frozenset({("process", "web:1"), ("role", "web")}): 100}
    assert found[key("mesocycle_cache_hits_total", cache="flags")] == 12
    assert found[key("mesocycle_cache_misses_total", cache="flags")] == 1
    assert found[key("mesocycle_dead_letters")] == DeadLetter.objects.count() == 1
    assert found[key("mesocycle_jobs_oldest_seconds")] == 120
    assert found[key("mesocycle_outbox_oldest_seconds")] == 0
    assert not [name for name, _ in found if "gpu" in name]
    sample(NOW, "worker:2", role=ProcessRole.WORKER, gpu_percent=40.0, gpu_memory_percent=25.0)
    assert values()[key("mesocycle_gpu_ratio", process="worker:2")] == 0.4


def test_a_series_that_fails_takes_only_itself_away(monkeypatch):
    def broken() -> Any:
        raise OSError

    monkeypatch.setitem(SERIES._entries, "mesocycle_broken", Series(Kind.GAUGE, "b", broken))
    found = {name for name, _ in values()}
    assert "mesocycle_dead_letters" in found and "mesocycle_broken" not in found


def test_the_queue_of_a_redis_broker_is_counted_and_one_that_is_away_is_left_out(monkeypatch, settings):
    assert queue_lengths() == {}, "in process there is no queue"
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    assert queue_lengths() == {}
    asked: list[str] = []

    class Broker(redis.Redis):
        def llen(self, name: str) -> int:  # type: ignore[override]
            asked.append(name)
            return 7

    monkeypatch.setattr(redis, "Redis", Broker)
    assert queue_lengths() == {"celery": 7}
    assert asked == ["mesocycle:celery"]


def test_labels_name_nobody():
    """Every label is one of a few kinds, and none of them is about a person."""
    with clock.frozen(NOW):
        counted(NOW, "athletes/<uuid:athlete_id>/", "2xx", {"5": 1}, total_ms=1.0)
    labels = {label for _, pairs in values() for label, _ in pairs}
    assert labels <= {"route", "method", "status", "le", "process", "role", "cache", "queue", "state", "severity"}


@pytest.mark.pure
@pytest.mark.parametrize(
    ("found", "share", "expected"),
    [({}, 0.5, None), ({"10": 4}, 0.5, 7.5), ({"5": 1, "100": 1}, 0.5, 5.0), ({"5": 1, "100": 1}, 1.0, 100.0),
     ({"inf": 3}, 0.5, 10_000.0), ({"5": 95, "20": 5}, 0.95, 5.0)],
)  # fmt: skip
def test_quantiles_of_buckets(found, share, expected):
    assert latency.quantile(found, share) == expected


def test_the_health_of_the_service_is_added_up():
    counted(NOW - MINUTE, "a", "2xx", {"100": 99}, total_ms=9900.0)
    counted(NOW - MINUTE, "a", "5xx", {"100": 1}, total_ms=100.0)
    counted(NOW - MINUTE, "b", "4xx", {"5": 10}, total_ms=20.0)
    counted(NOW - timedelta(hours=2), "b", "5xx", {"5": 500}, total_ms=20.0)
    sample(NOW - 3 * MINUTE, "web:1", memory_bytes=300, cpu_percent=40.0, caches_json={"flags": [90, 10]})
    sample(NOW - 2 * MINUTE, "web:1", memory_bytes=100, cpu_percent=20.0)
    sample(NOW - 2 * MINUTE, "web:2", memory_bytes=50, cpu_percent=5.0)
    Job.objects.create(kind="k", state="queued", created_at=NOW - MINUTE)
    with clock.frozen(NOW):
        health = service_health(NOW - timedelta(hours=1))
    assert (health.everything.n, health.everything.error_share) == (110, pytest.approx(1 / 110))
    assert health.everything.mean_ms == pytest.approx(10_020 / 110)
    assert [(one.route, one.n, one.error_share) for one in health.routes] == [("a", 100, 0.01), ("b", 10, 0.0)]
    assert health.routes[0].p50_ms == pytest.approx(75.0)
    assert (health.cache_share, health.caches[0].cache) == (0.9, "flags")
    assert [(one.process, one.memory_bytes, one.most_memory_bytes) for one in health.processes] == [
        ("web:1", 100, 300), ("web:2", 50, 50),
    ]  # fmt: skip
    assert (health.processes[0].mean_cpu_percent, health.queue_seconds, health.gpu) == (30.0, 60.0, None)
    assert [(one.memory_bytes, one.cpu_percent, one.cache_share) for one in health.over_time] == [
        (300, 40.0, 0.9), (150, 25.0, None),
    ]  # fmt: skip


def test_an_empty_installation_has_no_numbers_rather_than_zeroes():
    health = service_health(NOW - timedelta(hours=1), NOW)
    assert (health.everything.p95_ms, health.everything.error_share, health.cache_share) == (None, None, None)
    assert (health.routes, health.over_time, health.processes) == ((), (), ())


def test_a_process_looks_at_itself_once_a_minute_and_counts_since_the_look_before(monkeypatch):
    hits = [(10, 2)]
    monkeypatch.setattr(CACHES, "_entries", {"test": lambda: hits[0]})
    monkeypatch.setattr(sampling, "_in_transaction", lambda: False)  # a test case is one
    sampler = Sampler()
    first = sampler.look(ProcessRole.WORKER)
    assert first is not None and first.memory_bytes > 2**20 and first.cpu_percent >= 0
    assert (first.caches_json, first.gpu_percent) == ({"test": [10, 2]}, None)
    assert sampler.look(ProcessRole.WORKER) is None
    for now, expected in (((15, 2), {"test": [5, 0]}), ((15, 2), {}), ((3, 1), {"test": [3, 1]})):
        hits[0], sampler._due = now, 0.0
        row = sampler.look(ProcessRole.WEB)
        assert row is not None and row.caches_json == expected


def test_inside_somebody_elses_transaction_nothing_is_sampled():
    assert Sampler().look(ProcessRole.WEB) is None
    assert not ProcessSample.objects.exists()


@pytest.mark.parametrize(
    ("said", "expected"), [("40, 2000, 8000\n60, 2000, 8000\n", (50.0, 25.0)), ("no device", (None, None))]
)
def test_gpus_are_read_from_their_tool(monkeypatch, tmp_path, said, expected):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert sampling.gpu_use() == expected


def test_a_flush_writes_how_long_requests_took_together(monkeypatch, rf):
    monkeypatch.setattr(rollup, "_counts", {})
    monkeypatch.setattr(rollup, "_milliseconds", {})
    monkeypatch.setattr(rollup, "_pending", 0)
    monkeypatch.setattr(rollup, "_in_transaction", lambda: False)
    from django.http import HttpResponse

    for seconds in (0.1, 0.25):
        rollup.count(rf.get("/"), HttpResponse(), seconds=seconds)
    rollup.flush()
    row = RequestRollup.objects.get()
    assert (row.count, row.total_ms, row.latency) == (2, 350.0, {"100": 1, "500": 1})
