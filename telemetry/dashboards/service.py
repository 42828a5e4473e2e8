"""How the service does: days from the published marts, the latest hours from the request roll-ups themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from common import clock
from common.models import RequestRollup
from common.rollup import BUCKETS_MS
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import NOTHING, Number, number
from telemetry.lag import lag
from telemetry.models import DeadLetter

QUICK_MS: Final = 200
RECENT: Final = timedelta(hours=3)
_SUMS: Final = ("requests", "client_errors", "server_errors", "quick")
_DAYS: Final = (
    "SELECT day, {group} AS name, sum(requests) AS requests, sum(client_errors) AS client_errors,"
    " sum(server_errors) AS server_errors, sum(within_200_ms) AS quick, bool_or(is_synthetic) AS is_synthetic"
    " FROM read_parquet($mart_service_daily) WHERE day >= $start AND day < $until GROUP BY ALL ORDER BY day"
)


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests to a route, or to all: how many failed, and how many were answered within 200 ms.

    p95_ms: the upper edge of the bucket in which the 95th percentile lies; infinite above the last, None unknown.
    """

    name: str
    requests: int
    server_errors: Number
    client_errors: Number
    quick: Number
    p95_ms: float | None = None


@dataclass(frozen=True)
class Now:
    """The latest hours, as far as they were written down; waiting: seconds for which the oldest event waits."""

    since: datetime
    whole: Requests
    routes: tuple[Requests, ...]
    waiting: float | None
    measured_ago: float | None
    dead_letters: int


@dataclass(frozen=True)
class Days:
    """Whole days up to the build: all routes by day, and each route over all of them."""

    days: tuple[tuple[date, Requests], ...]
    routes: tuple[Requests, ...]
    is_synthetic: bool


def now(*, since: datetime | None = None) -> Now:
    """Return what processes counted since (default: three hours ago), and what waits in the outbox."""
    start = since or clock.now() - RECENT
    counted = _counted(start)
    whole: Counter[str] = Counter()
    for one in counted.values():
        whole += one
    told = lag()
    return Now(
        start,
        _requests("All routes", whole),
        tuple(sorted((_requests(name, one) for name, one in counted.items()), key=_worst)),
        told["oldest_waiting_seconds"],
        told["measured_seconds_ago"],
        DeadLetter.objects.count(),
    )


def days(marts: Marts, asked: Asked) -> Days:
    """Return the days asked for, as published."""
    by_day = marts.rows(_DAYS.format(group="''"), asked)
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for row in marts.rows(_DAYS.format(group="method || ' ' || route"), asked):
        totals[row["name"]] += Counter({name: int(row[name] or 0) for name in _SUMS})
    return Days(
        tuple((row["day"], _of_sums("", row)) for row in by_day),
        tuple(sorted((_of_sums(name, one) for name, one in totals.items()), key=_worst)),
        any(row["is_synthetic"] for row in by_day),
    )


def _counted(since: datetime) -> dict[str, Counter[str]]:
    """Add up roll-ups by method and route: classes of status as `5xx`, latencies by the edge of their bucket."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    rows = RequestRollup.objects.filter(minute__gte=since)
    for route, method, status, number_of, latency in rows.values_list(
        "route", "method", "status_class", "count", "latency"
    ).iterator():
        counts = found[f"{method} {route}"]
        counts[status] += number_of
        counts["requests"] += number_of
        counts.update(latency)
    return found


def _requests(name: str, counts: Counter[str]) -> Requests:
    quick = sum(counts[str(edge)] for edge in BUCKETS_MS if edge <= QUICK_MS)
    sums = {
        "requests": counts["requests"],
        "client_errors": counts["4xx"],
        "server_errors": counts["5xx"],
        "quick": quick,
    }
    return _of_sums(name, sums, _percentile(counts, 0.95))


def _of_sums(name: str, sums: Mapping[str, Any], p95: float | None = None) -> Requests:
    asked = int(sums["requests"] or 0)

    def share(of: str) -> Number:
        return number(float(sums[of] or 0), asked, asked, None, 1) if asked else NOTHING

    return Requests(name, asked, share("server_errors"), share("client_errors"), share("quick"), p95)


def _percentile(counts: Counter[str], part: float) -> float | None:
    """Return the upper edge of the bucket that holds a percentile; infinite above the last edge."""
    known = [(float(edge), counts[str(edge)]) for edge in BUCKETS_MS] + [(float("inf"), counts["inf"])]
    left = part * sum(number_of for _, number_of in known)
    for edge, number_of in known:
        left -= number_of
        if number_of and left <= 1e-9:
            return edge
    return None


def _worst(one: Requests) -> tuple[float, float, int, str]:
    """Order routes: those with server errors first, then the slow ones, then those asked most."""
    return (
        -(one.server_errors.value or 0),
        one.quick.value if one.quick.value is not None else 1,
        -one.requests,
        one.name,
    )
