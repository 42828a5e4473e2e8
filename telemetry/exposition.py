"""`GET /metrics`: numbers in Prometheus' text format, for its server or an operator who is logged in.

Requests come from the roll-ups in the database and so are those of all processes; they are counted from midnight UTC
on, which Prometheus takes for what it is, a counter that began again. Whoever scrapes several processes of one
installation gets the same numbers from each: scrape one address.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from common import clock
from common.admin import may
from common.context import unit_of_work
from common.latency import ABOVE, BUCKETS_MS
from common.models import ProcessSample
from common.monitoring import SERIES, Kind, Sample, Series
from common.request_counts import Requests, requests_where
from telemetry.monitored import cache_counts, latest_samples
from telemetry.services.alerts import ALERTS
from telemetry.services.dead_letters import OPERATE

logger = logging.getLogger("mesocycle.metrics")

# A roll-up is written up to this long after its minute.
LATE: Final = timedelta(hours=1)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all series; 401 to whoever has neither the token nor an operator's session."""
    if not _has_token(request) and not may(request.user, OPERATE):
        return HttpResponse(status=401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    return HttpResponse(exposition(clock.now()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def exposition(now: datetime) -> bytes:
    """Return all series as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(now))  # type: ignore[arg-type]  # a collector needs no more than `collect`
    return generate_latest(registry)


def _has_token(request: HttpRequest) -> bool:
    """Compare in constant time; no token in the settings lets nobody in, wherever the request comes from."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    same = hmac.compare_digest(sent.strip().encode(), wanted.encode())
    return bool(wanted) and scheme.lower() == "bearer" and same


class _Collector:
    """What is exported at one moment; a part that cannot be read is left out and logged."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        midnight = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        with unit_of_work(ALERTS, read_only=True):
            # By when it was written: a minute's late part must not vanish between two days.
            rows = requests_where(Q(created_at__gte=midnight, minute__gte=midnight - LATE))
            samples = latest_samples(self._now)
            today = ProcessSample.objects.filter(at__gte=midnight).values_list("caches_json", flat=True)
            caches = cache_counts(today)
        yield from _requests(rows)
        yield from _processes(samples)
        yield from _caches(caches)
        for name, series in SERIES.items():
            try:
                yield _family(name, series, list(series.read()))
            except Exception:
                logger.warning("a series was not read", extra={"series": name}, exc_info=True)


def _requests(rows: Iterable[Requests]) -> Iterator[Metric]:
    labels = ("route", "method", "status")
    family = HistogramMetricFamily(
        "mesocycle_request_duration_seconds", "Time to answer, of all processes since midnight UTC.", labels=labels
    )
    for row in rows:
        seen, buckets = 0, []
        for edge in BUCKETS_MS:
            seen += row.latency.get(str(edge), 0)
            buckets.append((str(edge / 1000), float(seen)))
        buckets.append(("+Inf", float(seen + row.latency.get(ABOVE, 0))))
        family.add_metric((row.route, row.method, row.status_class), buckets, sum_value=row.total_ms / 1000)
    yield family


def _processes(samples: Iterable[ProcessSample]) -> Iterator[Metric]:
    labels = ("process", "role")
    memory = GaugeMetricFamily("mesocycle_process_memory_bytes", "Resident memory.", labels=labels)
    cpu = GaugeMetricFamily("mesocycle_process_cpu_ratio", "Cores in use over the last minute.", labels=labels)
    gpu = GaugeMetricFamily("mesocycle_gpu_ratio", "How busy the GPUs are.", labels=("process",))
    gpu_memory = GaugeMetricFamily("mesocycle_gpu_memory_ratio", "How full their memory is.", labels=("process",))
    for row in samples:
        memory.add_metric((row.process, row.role), row.memory_bytes)
        cpu.add_metric((row.process, row.role), row.cpu_percent / 100)
        if row.gpu_percent is not None and row.gpu_memory_percent is not None:
            gpu.add_metric((row.process,), row.gpu_percent / 100)
            gpu_memory.add_metric((row.process,), row.gpu_memory_percent / 100)
    yield memory
    yield cpu
    yield from (family for family in (gpu, gpu_memory) if family.samples)


def _caches(counts: dict[str, tuple[int, int]]) -> Iterator[Metric]:
    hits = CounterMetricFamily("mesocycle_cache_hits", "What a cache had, since midnight UTC.", labels=("cache",))
    misses = CounterMetricFamily("mesocycle_cache_misses", "What it had not, since midnight UTC.", labels=("cache",))
    for name, (had, had_not) in counts.items():
        hits.add_metric((name,), had)
        misses.add_metric((name,), had_not)
    yield hits
    yield misses


def _family(name: str, series: Series, samples: list[Sample]) -> Metric:
    labels = sorted({label for one in samples for label in one.labels})
    make = CounterMetricFamily if series.kind is Kind.COUNTER else GaugeMetricFamily
    family = make(name, series.describes, labels=labels)
    for one in samples:
        family.add_metric([one.labels.get(label, "") for label in labels], one.value)
    return family
