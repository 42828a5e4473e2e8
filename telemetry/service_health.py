"""How the service does (D6, H6), for dashboards: plain numbers over a time, read in one unit of work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from common import clock
from common.context import unit_of_work
from common.latency import quantile, total
from common.models import Job, JobState, ProcessSample
from common.request_counts import Requests, requests_between
from telemetry.lag import oldest_waiting
from telemetry.monitored import cache_counts, queue_lengths
from telemetry.services.alerts import ALERTS

A_MINUTE: Final = timedelta(minutes=1)
MOST_JOBS: Final = 10_000
MOST_SLOTS: Final = 100


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """Of one route, or of all (""): quantiles and mean in milliseconds; shares are 0 to 1; None of nothing."""

    route: str
    n: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    mean_ms: float | None
    error_share: float | None


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How often a cache had what was asked of it; `share` is 0 to 1."""

    cache: str
    hits: int
    misses: int
    share: float


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one process used: the newest and the largest memory, processor in percent of a core."""

    process: str
    role: str
    seen_at: datetime
    memory_bytes: int
    most_memory_bytes: int
    cpu_percent: float
    mean_cpu_percent: float


@dataclass(frozen=True, slots=True)
class GpuUse:
    """The machine's GPUs, in percent, as a worker saw them last."""

    seen_at: datetime
    busy_percent: float
    memory_percent: float


@dataclass(frozen=True, slots=True)
class Use:
    """All processes in one slot of time: memory and cores in use added up, the share that caches had (None: not asked).

    gpu_percent: mean of what workers saw, None where there is no GPU.
    """

    at: datetime
    memory_bytes: int
    cpu_percent: float
    cache_share: float | None
    gpu_percent: float | None


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """What was seen in [since, until).

    requests: as counted, by route, method and class of status; `everything` and `routes` (the most asked first) are
        made of them.
    queue_seconds: how long the oldest job has waited, 0 where none waits; queue_length: how many, up to `MOST_JOBS`;
        `queues` are the broker's, where it has any.
    outbox_seconds: how long the oldest event has waited.
    gpu: None where there is none.
    over_time: slots as long as `slot` in which a process was seen, in order.
    """

    since: datetime
    until: datetime
    requests: tuple[Requests, ...]
    everything: ResponseTimes
    routes: tuple[ResponseTimes, ...]
    caches: tuple[CacheUse, ...]
    cache_share: float | None
    processes: tuple[ProcessUse, ...]
    queue_seconds: float
    queue_length: int
    queues: dict[str, int]
    outbox_seconds: float
    gpu: GpuUse | None
    slot: timedelta
    over_time: tuple[Use, ...]


def service_health(
    since: datetime, until: datetime | None = None, *, least_slot: timedelta = A_MINUTE
) -> ServiceHealth:
    """Return how the service did since a moment; opens its own units of work, so call it outside any.

    least_slot: how long a slot of `over_time` is at least; about a hundred of them fit in.
    """
    now = clock.now()
    end, oldest = until or now, oldest_waiting()
    slot = max((end - since) / MOST_SLOTS, least_slot)
    with unit_of_work(ALERTS, read_only=True):
        requests = requests_between(since, end)
        samples = list(ProcessSample.objects.filter(at__gte=since, at__lt=end).order_by("at"))
        waiting = Job.objects.filter(state=JobState.QUEUED).order_by("created_at").values_list("created_at", flat=True)
        jobs = list(waiting[:MOST_JOBS])
    counts = cache_counts(row.caches_json for row in samples)
    return ServiceHealth(
        since=since,
        until=end,
        requests=tuple(requests),
        everything=_times("", requests),
        routes=_routes(requests),
        caches=tuple(CacheUse(name, h, m, h / (h + m)) for name, (h, m) in counts.items()),
        cache_share=_share(counts),
        processes=_processes(samples),
        queue_seconds=max((now - jobs[0]).total_seconds(), 0.0) if jobs else 0.0,
        queue_length=len(jobs),
        queues=queue_lengths(),
        outbox_seconds=max((now - oldest).total_seconds(), 0.0) if oldest else 0.0,
        gpu=_gpu(samples),
        slot=slot,
        over_time=_over_time(samples, since, slot),
    )


def _routes(requests: Sequence[Requests]) -> tuple[ResponseTimes, ...]:
    by_route: dict[str, list[Requests]] = defaultdict(list)
    for row in requests:
        by_route[row.route].append(row)
    found = [_times(route, rows) for route, rows in by_route.items()]
    return tuple(sorted(found, key=lambda one: (-one.n, one.route)))


def _times(route: str, rows: Sequence[Requests]) -> ResponseTimes:
    n, latency = sum(row.count for row in rows), total(row.latency for row in rows)
    p50, p95, p99 = (quantile(latency, share) for share in (0.5, 0.95, 0.99))
    mean = sum(row.total_ms for row in rows) / n if n else None
    return ResponseTimes(route, n, p50, p95, p99, mean, sum(row.failed for row in rows) / n if n else None)


def _share(counts: dict[str, tuple[int, int]]) -> float | None:
    hits, asked = sum(h for h, _ in counts.values()), sum(h + m for h, m in counts.values())
    return hits / asked if asked else None


def _processes(samples: Iterable[ProcessSample]) -> tuple[ProcessUse, ...]:
    by_process: dict[str, list[ProcessSample]] = defaultdict(list)
    for row in samples:
        by_process[row.process].append(row)
    return tuple(
        ProcessUse(
            process=name,
            role=rows[-1].role,
            seen_at=rows[-1].at,
            memory_bytes=rows[-1].memory_bytes,
            most_memory_bytes=max(row.memory_bytes for row in rows),
            cpu_percent=rows[-1].cpu_percent,
            mean_cpu_percent=sum(row.cpu_percent for row in rows) / len(rows),
        )
        for name, rows in sorted(by_process.items())
    )


def _gpu(samples: Sequence[ProcessSample]) -> GpuUse | None:
    for row in reversed(samples):
        if row.gpu_percent is not None and row.gpu_memory_percent is not None:
            return GpuUse(row.at, row.gpu_percent, row.gpu_memory_percent)
    return None


def _over_time(samples: Sequence[ProcessSample], since: datetime, slot: timedelta) -> tuple[Use, ...]:
    """Put samples into slots; in a slot each process counts with its mean."""
    slots: dict[int, list[ProcessSample]] = defaultdict(list)
    for row in samples:
        slots[(row.at - since) // slot].append(row)
    found = []
    for number, rows in sorted(slots.items()):
        looks: dict[str, list[ProcessSample]] = defaultdict(list)
        for row in rows:
            looks[row.process].append(row)
        memory = sum(sum(row.memory_bytes for row in own) // len(own) for own in looks.values())
        cpu = sum(sum(row.cpu_percent for row in own) / len(own) for own in looks.values())
        share = _share(cache_counts(row.caches_json for row in rows))
        gpus = [row.gpu_percent for row in rows if row.gpu_percent is not None]
        busy = sum(gpus) / len(gpus) if gpus else None
        found.append(Use(since + number * slot, memory, round(cpu, 2), share, busy))
    return tuple(found)
