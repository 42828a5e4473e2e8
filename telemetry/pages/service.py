"""Service health: the latest hours as processes counted them, whole days as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from common import clock
from common.charts import Limit, Line, draw
from common.translating.showing import day as written
from common.translating.showing import said, shown
from telemetry.dashboards import service
from telemetry.dashboards.asked import Asked, monday
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import NO_DATA, goal, of_unit, text
from telemetry.dashboards.service import QUICK_MS, Days, Requests
from telemetry.metric_definitions import definitions
from telemetry.models import DeadLetter
from telemetry.pages import processes
from telemetry.pages.frame import Found
from telemetry.pages.gauges import Gauge, Gauges, met, on_time
from telemetry.pages.tables import Cell, Table
from telemetry.pages.words import Pill, seconds
from telemetry.service_health import ServiceHealth, service_health

ERRORS: Final = "server_errors"
MEAN_TARGET_MS: Final = 200.0
"""H6: requests are answered faster than this on average."""
HOURS: Final = {"3": "3 h", "12": "12 h", "24": "24 h"}
"""Of each process a row a minute is read, so a page is no place for weeks of them."""
SLOT: Final = timedelta(minutes=5)
"""One of the workers looks at itself each minute: in much less time most of them are not seen."""
LATE_SECONDS: Final = 60.0
"""Events that wait longer than the relay's longest back-off wait for a person."""
MOST_ROUTES: Final = 40


def health_of(given: Mapping[str, str]) -> ServiceHealth:
    """Return how the service did in the latest hours asked for; call it outside any unit of work."""
    until = clock.now()
    return service_health(until - timedelta(hours=int(hours_of(given))), until, least_slot=SLOT)


def hours_of(given: Mapping[str, str]) -> str:
    """Return how many of the latest hours an address asks for; the fewest where it makes no sense."""
    asked = given.get("hours", "")
    return asked if asked in HOURS else next(iter(HOURS))


def latest(health: ServiceHealth, hours: str) -> dict[str, Any]:
    """Return what the page says of the latest hours; it needs no build, but the reader's unit of work."""
    requests = service.latest(health.requests)
    return {
        "since": f"last {HOURS[hours]}",
        "gauges": (
            Gauges("Requests", tuple(_request_gauges(requests.whole, health.everything.mean_ms))),
            Gauges("What waits", (*_outbox_gauges(health), processes.job_gauge(health))),
            processes.gauges(health),
        ),
        "use": processes.charts(health),
        "processes": processes.process_rows(health)[:MOST_ROUTES],
        "more_processes": max(len(health.processes) - MOST_ROUTES, 0),
        "caches": processes.cache_rows(health),
        "routes": [_route(one) for one in requests.routes[:MOST_ROUTES]],
        "more_routes": max(len(requests.routes) - MOST_ROUTES, 0),
    }


def latest_tables(health: ServiceHealth) -> tuple[Table, ...]:
    """Return the latest hours, for a spreadsheet."""
    by_route = _requests_table("latest", "Latest hours by route", service.latest(health.requests).routes)
    return (by_route, *processes.tables(health))


def past(marts: Marts, asked: Asked) -> Found:
    """Return whole days, up to the build's own day where nothing else was asked for."""
    as_of = marts.build.as_of.date()
    if asked.until == monday(as_of):
        asked = replace(asked, until=as_of)
    found = service.days(marts, asked)
    given = {"charts": _charts(found), "past_routes": [_route(one) for one in found.routes[:MOST_ROUTES]]}
    by_day = tuple((day, *_cells(one)) for day, one in found.days)
    tables = (
        Table("days", "By day", ("day", *_COLUMNS), by_day),
        _requests_table("routes", "By route", found.routes),
    )
    return Found(given, tables, found.is_synthetic, not found.days)


def _request_gauges(whole: Requests, mean_ms: float | None) -> list[Gauge]:
    target, share = definitions()[ERRORS].target, whole.server_errors.value
    pill, note = None, shown(f"5xx of {whole.requests:,} requests")
    if target:
        note += ", " + said(f"target ≤ {goal(target.value, 'share')}")
        if share is not None:
            pill = met(target.is_met(share), "Above")
    p95 = "Above 10 s" if whole.p95_ms == float("inf") else f"{whole.p95_ms:,.0f} ms" if whole.p95_ms else NO_DATA
    return [
        Gauge("Server errors", text(whole.server_errors, "share"), note, pill),
        _mean(mean_ms),
        Gauge(f"Within {QUICK_MS} ms", text(whole.quick, "share"), "of all requests"),
        Gauge("95 % answered within", p95, "upper edge of the histogram's bucket"),
    ]


def _mean(mean_ms: float | None) -> Gauge:
    value = NO_DATA if mean_ms is None else of_unit(mean_ms, "ms")
    pill = None if mean_ms is None else met(mean_ms < MEAN_TARGET_MS, "Above")
    return Gauge("Average response", value, f"target < {goal(MEAN_TARGET_MS, 'ms')}", pill)


def _outbox_gauges(health: ServiceHealth) -> tuple[Gauge, Gauge]:
    letters = DeadLetter.objects.count()
    pill = Pill("warning", "To look at", "wait") if letters else Pill("check_circle", "None", "good")
    late = on_time(health.outbox_seconds > LATE_SECONDS)
    return (
        Gauge("Oldest event waits", seconds(health.outbox_seconds), "to leave", late),
        Gauge("Dead letters", f"{letters:,}", "events that could not leave", pill),
    )


def _route(one: Requests) -> dict[str, Any]:
    target, share = definitions()[ERRORS].target, one.server_errors.value
    p95 = "> 10 s" if one.p95_ms == float("inf") else f"≤ {one.p95_ms:,.0f} ms" if one.p95_ms else ""
    return {
        "name": one.name,
        "requests": f"{one.requests:,}",
        "errors": text(one.server_errors, "share"),
        "refused": text(one.client_errors, "share"),
        "quick": text(one.quick, "share"),
        "p95": p95,
        "is_bad": bool(target and share is not None and not target.is_met(share)),  # a row to act on, no other
    }


def _charts(found: Days) -> list[Any]:
    times = [written(at, "j M") for at, _ in found.days]
    target = definitions()[ERRORS].target

    def told(value: float | None) -> str:
        return NO_DATA if value is None else of_unit(value, "share")

    quick = Line("", "new", [one.quick.value for _, one in found.days])
    errors = Line("", "new", [one.server_errors.value for _, one in found.days])
    limits = [Limit(target.value, above=True, label=f"limit {goal(target.value, 'share')}")] if target else []
    return [
        draw("Server errors", [errors], times, limits, text=told, tick=told, note="5xx, by day", floor=0, ceiling=1),
        draw(f"Within {QUICK_MS} ms", [quick], times, text=told, tick=told, note="of all requests, by day", ceiling=1),
    ]


_COLUMNS: Final = ("requests", "server errors", "client errors", f"within {QUICK_MS} ms")


def _cells(one: Requests) -> tuple[Any, ...]:
    return (
        one.requests,
        Cell(one.server_errors, "share"),
        Cell(one.client_errors, "share"),
        Cell(one.quick, "share"),
    )


def _requests_table(name: str, title: str, rows: tuple[Requests, ...]) -> Table:
    return Table(name, title, ("route", *_COLUMNS), tuple((one.name, *_cells(one)) for one in rows))
