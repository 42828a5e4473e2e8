"""How the service does: days from the published marts, the latest hours as processes counted them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from common.latency import BUCKETS_MS
from common.request_counts import Requests as Counted
from telemetry.dashboards.asked import Asked
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import NOTHING, Number, number

QUICK_MS: Final = 200
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
class Latest:
    """Requests of the latest hours, as far as they were written down."""

    whole: Requests
    routes: tuple[Requests, ...]


@dataclass(frozen=True)
class Days:
    """Whole days up to the build: all routes by day, and each route over all of them."""

    days: tuple[tuple[date, Requests], ...]
    routes: tuple[Requests, ...]
    is_synthetic: bool


def latest(rows: Iterable[Counted]) -> Latest:
    """Return what processes counted, added up by method and route, the worst first."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    for row in rows:
        counts = Counter({row.status_class: row.count, "requests": row.count}) + Counter(row.latency)
        counted[f"{row.method} {row.route}"] += counts
        whole += counts
    return Latest(
        _requests("All routes", whole),
        tuple(sorted((_requests(name, one) for name, one in counted.items()), key=_worst)),
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
