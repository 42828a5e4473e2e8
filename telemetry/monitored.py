"""What alert rules and `/metrics` may watch of requests, events, jobs, alerts and processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import redis
from django.conf import settings
from django.db.models import Count, Min, Q

from common import clock
from common.context import unit_of_work
from common.latency import quantile, total
from common.models import Job, JobState, ProcessSample
from common.monitoring import METRICS, SERIES, Kind, Metric, Reading, Sample, Series, Unit
from common.partitioning.tables import months_ahead, partitioned, strays
from common.request_counts import requests_between
from telemetry.lag import oldest_waiting
from telemetry.models import AlertRule, AlertState, DeadLetter, OutboxEvent
from telemetry.services.alerts import ALERTS

LATELY: Final = timedelta(minutes=3)
QUEUE: Final = "celery"
REDIS_PATIENCE_SECONDS: Final = 2.0


def _error_rate(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = requests_between(since, until)
    n, failed = sum(row.count for row in rows), sum(row.failed for row in rows)
    return [Reading("", 100 * failed / n if n else None, n)]


def _errors_of_routes(since: datetime, until: datetime) -> list[Reading]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with unit_of_work(ALERTS, read_only=True):
        for row in requests_between(since, until):
            counts[row.route][0] += row.count
            counts[row.route][1] += row.failed
    return [Reading(route, 100 * failed / n, n) for route, (n, failed) in sorted(counts.items())]


def _p95(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        latency = total(row.latency for row in requests_between(since, until))
    return [Reading("", quantile(latency, 0.95), sum(latency.values()))]


def _mean(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = requests_between(since, until)
    n = sum(row.count for row in rows)
    return [Reading("", sum(row.total_ms for row in rows) / n if n else None, n)]


def _oldest_event(since: datetime, until: datetime) -> list[Reading]:
    oldest = oldest_waiting()
    with unit_of_work(ALERTS, read_only=True):
        waiting = OutboxEvent.objects.filter(published_at=None)[:100_000].count() if oldest else 0
    age = max((until - oldest).total_seconds(), 0.0) if oldest else 0.0
    return [Reading("", age, max(waiting, 1), f"{waiting:,} events wait." if waiting else "")]


def _dead_letters(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = DeadLetter.objects.filter(created_at__gte=since, created_at__lt=until).order_by()
        counts = dict(rows.values_list("type").annotate(Count("pk")))
    text = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return [Reading("", float(sum(counts.values())), sum(counts.values()), text)]


def _oldest_job(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        found = Job.objects.filter(state=JobState.QUEUED).aggregate(oldest=Min("created_at"), n=Count("pk"))
    age = max((until - found["oldest"]).total_seconds(), 0.0) if found["oldest"] else 0.0
    return [Reading("", age, max(found["n"], 1))]


def _failed_jobs(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = Job.objects.filter(finished_at__gte=since, finished_at__lt=until).order_by()
        counts = rows.values_list("kind").annotate(Count("pk"), Count("pk", filter=Q(state=JobState.FAILED)))
        return [Reading(kind, 100 * failed / n, n) for kind, n, failed in counts]


def latest_samples(now: datetime) -> list[ProcessSample]:
    """Return the newest sample of each process that was seen lately; in the caller's unit of work."""
    newest = {row.process: row for row in ProcessSample.objects.filter(at__gte=now - LATELY).order_by("at")}
    return sorted(newest.values(), key=lambda row: row.process)


def _months_ahead(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        return [Reading(table, float(months_ahead(table, until)), 1) for table in partitioned()]


def _rows_of_no_month(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        found = {table: strays(table) for table in partitioned()}
    return [
        Reading(table, float(sum(months.values())), 1, ", ".join(f"{month:%Y-%m}" for month in months))
        for table, months in found.items()
    ]


def _memory(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = latest_samples(until)
    return [Reading("", max((row.memory_bytes / 2**20 for row in rows), default=None), len(rows))]


def _cache_hits(since: datetime, until: datetime) -> list[Reading]:
    with unit_of_work(ALERTS, read_only=True):
        rows = ProcessSample.objects.filter(at__gte=since, at__lt=until).values_list("caches_json", flat=True)
        counts = cache_counts(rows)
    return [Reading(name, 100 * hits / (hits + misses), hits + misses) for name, (hits, misses) in counts.items()]


def cache_counts(found: Iterable[dict[str, list[int]]]) -> dict[str, tuple[int, int]]:
    """Return hits and misses by cache, added up; a cache that nobody asked is not there."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in found:
        for name, (hits, misses) in one.items():
            counts[name][0] += hits
            counts[name][1] += misses
    return {name: (hits, misses) for name, (hits, misses) in sorted(counts.items()) if hits + misses}


def queue_lengths() -> dict[str, int]:
    """Return how many tasks the broker holds, by queue; empty where there is no Redis, or where it does not answer."""
    url = settings.CELERY_BROKER_URL
    if not url.startswith(("redis://", "rediss://")):
        return {}
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("global_keyprefix", "")
    patience = {"socket_timeout": REDIS_PATIENCE_SECONDS, "socket_connect_timeout": REDIS_PATIENCE_SECONDS}
    try:
        with redis.Redis.from_url(url, **patience) as broker:
            return {QUEUE: int(broker.llen(f"{prefix}{QUEUE}"))}
    except redis.RedisError:
        return {}


def _outbox() -> Iterable[Sample]:
    oldest = oldest_waiting()
    return [Sample(max((clock.now() - oldest).total_seconds(), 0.0) if oldest else 0.0)]


def _letters() -> Iterable[Sample]:
    with unit_of_work(ALERTS, read_only=True):
        return [Sample(DeadLetter.objects.count())]


def _jobs() -> Iterable[Sample]:
    with unit_of_work(ALERTS, read_only=True):
        unfinished = Job.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING)).order_by()
        return [Sample(n, {"state": state}) for state, n in unfinished.values_list("state").annotate(Count("pk"))]


def _job_age() -> Iterable[Sample]:
    return [Sample(one.value or 0.0) for one in _oldest_job(clock.now(), clock.now())]


def _queues() -> Iterable[Sample]:
    return [Sample(length, {"queue": name}) for name, length in queue_lengths().items()]


def _alerts() -> Iterable[Sample]:
    with unit_of_work(ALERTS, read_only=True):
        states = AlertState.objects.filter(rule__enabled=True).order_by().values_list("rule__severity", "status")
        return [Sample(n, {"severity": one, "status": status}) for one, status, n in states.annotate(Count("pk"))]


def _judged() -> Iterable[Sample]:
    with unit_of_work(ALERTS, read_only=True):
        newest = AlertRule.objects.filter(enabled=True).order_by("-evaluated_at").exclude(evaluated_at=None).first()
    moment = newest.evaluated_at if newest else None
    return [Sample(max((clock.now() - moment).total_seconds(), 0.0))] if moment else []


def register() -> None:
    """Register our metrics and series."""
    percent, ms, seconds, number = Unit.PERCENT, Unit.MILLISECONDS, Unit.SECONDS, Unit.NUMBER
    for name, title, describes, unit, read in (
        ("requests.error_rate", "Failed requests", "answers with a status from 500 on", percent, _error_rate),
        ("requests.error_rate_by_route", "Failed requests, by route", "the same by route", percent, _errors_of_routes),
        ("requests.p95", "Response time, p95", "what 95 % of the answers took at most", ms, _p95),
        ("requests.mean", "Response time, mean", "what an answer took on average", ms, _mean),
        ("telemetry.oldest_waiting", "Oldest event that waits", "events not published yet", seconds, _oldest_event),
        ("telemetry.dead_letters", "Dead letters", "events put aside, not publishable", number, _dead_letters),
        ("jobs.oldest_waiting", "Oldest job that waits", "jobs that no worker took yet", seconds, _oldest_job),
        ("jobs.failed", "Failed jobs", "of the jobs that finished, by kind", percent, _failed_jobs),
        ("processes.memory", "Largest process", "memory of the largest process, MiB", number, _memory),
        ("caches.hits", "Cache hits", "share that a cache had, by cache", percent, _cache_hits),
        ("partitions.ahead", "Months ahead", "months that are made, by partitioned table", number, _months_ahead),
        ("partitions.rest", "Rows of no month", "rows that found no partition, by table", number, _rows_of_no_month),
    ):  # fmt: skip
        METRICS.register(name, Metric(title, describes, unit, read))
    for name, describes, of in (
        ("mesocycle_outbox_oldest_seconds", "Age of the oldest event that is not published.", _outbox),
        ("mesocycle_dead_letters", "Events put aside that nobody put back.", _letters),
        ("mesocycle_jobs", "Jobs that are not finished, by state.", _jobs),
        ("mesocycle_jobs_oldest_seconds", "Age of the oldest job that no worker took.", _job_age),
        ("mesocycle_queue_length", "Tasks in the broker, by queue.", _queues),
        ("mesocycle_alerts", "Alert rules by severity and how they stand, a label each.", _alerts),
        ("mesocycle_alerts_judged_seconds", "Time since alert rules were judged last.", _judged),
    ):
        SERIES.register(name, Series(Kind.GAUGE, describes, of))
