"""What processes use, as they saw themselves: cards, charts and tables of the latest hours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from common.charts import Chart, Limit, Line, draw
from common.counts import counted
from common.translating.showing import day, shown
from telemetry.dashboards.numbers import NO_DATA, Number, goal, of_unit
from telemetry.monitored import LATELY
from telemetry.pages.gauges import Gauge, Gauges, met, on_time
from telemetry.pages.tables import Cell, Table
from telemetry.pages.words import age, moment, seconds
from telemetry.service_health import MOST_JOBS, ServiceHealth, Use

CACHE_TARGET: Final = 0.95
"""H6: of what is asked of them, caches have at least this share."""
LEAST_LOOKUPS: Final = 1000
"""Fewer say nothing of a cache that has just begun; as the alert rule *Cache hits* ships."""
LATE_JOB_SECONDS: Final = 300.0
"""As the alert rule *Jobs wait* ships."""
_MIB: Final = 2.0**20
_GIB: Final = 2.0**30


def job_gauge(health: ServiceHealth) -> Gauge:
    """Return the card of jobs that wait for a worker."""
    many = f"{health.queue_length:,}"
    note = shown(f"{many} or more queued" if health.queue_length >= MOST_JOBS else f"{many} queued")
    note += "".join(", " + shown(f"{n:,} in the broker's {key}") for key, n in health.queues.items())
    return Gauge(
        "Oldest job waits", seconds(health.queue_seconds), note, on_time(health.queue_seconds > LATE_JOB_SECONDS)
    )


def gauges(health: ServiceHealth) -> Gauges:
    """Return the cards of memory, processor, caches, and of the GPU where there is one; none where nobody was seen."""
    if not health.processes:
        return Gauges("Processes", ())
    cards = [*_used(health), _cache(health)]
    if health.gpu:
        memory = of_unit(health.gpu.memory_percent, "percent")
        seen = f"{age(health.until - health.gpu.seen_at)} ago"
        cards.append(
            Gauge("GPU busy", of_unit(health.gpu.busy_percent, "percent"), f"its memory {memory}, seen {seen}")
        )
    return Gauges("Processes", tuple(cards))


def _used(health: ServiceHealth) -> tuple[Gauge, Gauge]:
    """Return memory and processor of who was seen lately; others have ended, or were asked nothing."""
    lately = [one for one in health.processes if one.seen_at >= health.until - LATELY]
    if not lately:
        last = max(one.seen_at for one in health.processes)
        note = f"a process was last seen {age(health.until - last)} ago"
        return Gauge("Memory", NO_DATA, note), Gauge("Processor", NO_DATA, note)
    largest, many = max(one.memory_bytes for one in lately), counted(len(lately), "process", "processes")
    return (
        Gauge("Memory", size(sum(one.memory_bytes for one in lately)), f"{many}, the largest {size(largest)}"),
        Gauge("Processor", of_unit(sum(one.cpu_percent for one in lately), "percent"), f"of one core, {many}"),
    )


def _cache(health: ServiceHealth) -> Gauge:
    asked, target = sum(one.hits + one.misses for one in health.caches), f"target ≥ {goal(CACHE_TARGET, 'share')}"
    if health.cache_share is None:
        return Gauge("Cache hits", NO_DATA, f"no cache was asked, {target}")
    share = of_unit(health.cache_share, "share")
    if asked < LEAST_LOOKUPS:
        return Gauge("Cache hits", share, f"of {asked:,}, {target}, judged from {LEAST_LOOKUPS:,} on")
    return Gauge("Cache hits", share, f"of {asked:,}, {target}", met(health.cache_share >= CACHE_TARGET, "Below"))


def charts(health: ServiceHealth) -> list[Chart]:
    """Return memory, processor, caches and GPU over the time; a line breaks where no process was seen."""
    if not health.over_time:
        return []
    slots = _slots(health)
    means = f"means of {age(health.slot)}"
    most = max(one.memory_bytes for one in health.over_time)
    scale, unit = (_GIB, "GiB") if most >= _GIB else (_MIB, "MiB")
    limit = Limit(CACHE_TARGET, above=False, label=f"target {goal(CACHE_TARGET, 'share')}")
    times = _times(health, len(slots))

    def over(read: Callable[[Use], float | None]) -> list[float | None]:
        return [None if one is None else read(one) for one in slots]

    def chart(
        title: str, values: Sequence[float | None], unit: str, note: str, *limits: Limit, ceiling: float | None = None
    ) -> Chart:
        def told(value: float | None) -> str:
            return (
                NO_DATA
                if value is None
                else of_unit(value, unit)
                if unit in ("percent", "share")
                else f"{value:,.4g} {unit}"
            )

        def tick(value: float) -> str:
            return goal(value, unit)

        return draw(
            title, [Line("", "new", values)], times, limits, text=told, tick=tick, note=note, floor=0, ceiling=ceiling
        )

    found = [
        chart("Memory", over(lambda one: one.memory_bytes / scale), unit, f"{unit}, all processes, {means}"),
        chart("Processor", over(lambda one: one.cpu_percent), "percent", f"of one core, {means}"),
        chart("Cache hits", over(lambda one: one.cache_share), "share", means, limit, ceiling=1),
    ]
    if health.gpu:
        found.append(chart("GPU busy", over(lambda one: one.gpu_percent), "percent", means, ceiling=100))
    return found


def _slots(health: ServiceHealth) -> list[Use | None]:
    """Return every slot from `since` to `until`, None where no process was seen."""
    found: list[Use | None] = [None] * math.ceil((health.until - health.since) / health.slot)
    for one in health.over_time:
        found[(one.at - health.since) // health.slot] = one
    return found


def _times(health: ServiceHealth, many: int) -> list[str]:
    """Label slots by their beginning, with the day where hours alone would be said twice."""
    form = "j M H:i" if health.until - health.since > timedelta(days=1) else "H:i"
    return [day(health.since + i * health.slot, form) for i in range(many)]


def process_rows(health: ServiceHealth) -> list[dict[str, str]]:
    """Return processes as the page shows them, who was seen last first."""
    return [
        {
            "name": one.process,
            "role": one.role,
            "seen": moment(one.seen_at),
            "memory": size(one.memory_bytes),
            "most": size(one.most_memory_bytes),
            "cpu": of_unit(one.cpu_percent, "percent"),
            "mean": of_unit(one.mean_cpu_percent, "percent"),
        }
        for one in sorted(health.processes, key=lambda one: one.seen_at, reverse=True)
    ]


def cache_rows(health: ServiceHealth) -> list[dict[str, str]]:
    """Return caches as the page shows them."""
    return [
        {
            "name": one.cache,
            "asked": f"{one.hits + one.misses:,}",
            "misses": f"{one.misses:,}",
            "share": of_unit(one.share, "share"),
        }
        for one in health.caches
    ]


def tables(health: ServiceHealth) -> tuple[Table, ...]:
    """Return processes, caches and slots of time, for spreadsheets."""
    processes = tuple(
        (
            one.process,
            one.role,
            one.seen_at,
            one.memory_bytes,
            one.most_memory_bytes,
            one.cpu_percent,
            one.mean_cpu_percent,
        )
        for one in health.processes
    )
    caches = tuple((one.cache, one.hits, one.misses, _share(one.share)) for one in health.caches)
    use = tuple(
        (one.at, one.memory_bytes, one.cpu_percent, _share(one.cache_share), one.gpu_percent)
        for one in health.over_time
    )
    return (
        Table("processes", "By process", _PROCESSES, processes),
        Table("caches", "By cache", ("cache", "hits", "misses", "share"), caches),
        Table("use", "Over time", _USE, use),
    )


_PROCESSES: Final = (
    "process", "role", "seen", "memory, bytes", "most memory, bytes", "processor, % of a core",
    "mean processor, % of a core",
)  # fmt: skip
_USE: Final = ("from", "memory, bytes", "processor, % of a core", "cache hits", "gpu, %")


def _share(value: float | None) -> Cell:
    return Cell(Number(value), "share")


def size(n_bytes: float) -> str:
    """Return an amount of memory: MiB below one GiB, else GiB."""
    return f"{n_bytes / _MIB:,.0f} MiB" if n_bytes < _GIB else f"{n_bytes / _GIB:,.1f} GiB"
