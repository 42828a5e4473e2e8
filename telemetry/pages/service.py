"""Service health: the latest hours as processes counted them, whole days as published."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from common import clock
from common.charts import Limit, Line, draw
from telemetry.dashboards import service
from telemetry.dashboards.asked import Asked, monday
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.numbers import NO_DATA, goal, of_unit, text
from telemetry.dashboards.service import QUICK_MS, Days, Now, Requests
from telemetry.metric_definitions import definitions
from telemetry.pages.frame import Found
from telemetry.pages.tables import Cell, Table
from telemetry.pages.words import Pill, age, seconds

ERRORS: Final = "server_errors"
LATE_SECONDS: Final = 60.0
"""Events that wait longer than the relay's longest back-off wait for a person."""
MOST_ROUTES: Final = 40


@dataclass(frozen=True)
class Gauge:
    """A card of the present; `pill` is None where nobody set a limit."""

    title: str
    value: str
    note: str
    pill: Pill | None = None


@dataclass(frozen=True)
class Gauges:
    """A row of cards."""

    title: str
    gauges: tuple[Gauge, ...]


def latest() -> dict[str, Any]:
    """Return what the page says of the latest hours; it needs no build."""
    now = service.now()
    return {
        "now": now,
        "since": f"last {age(clock.now() - now.since)}",
        "gauges": (
            Gauges("Requests", tuple(_request_gauges(now.whole))),
            Gauges("Events that leave", tuple(_outbox_gauges(now))),
        ),
        "routes": [_route(one) for one in now.routes[:MOST_ROUTES]],
        "more_routes": max(len(now.routes) - MOST_ROUTES, 0),
    }


def latest_table() -> Table:
    """Return the latest hours by route, for a spreadsheet."""
    return _requests_table("latest", "Latest hours by route", service.now().routes)


def past(marts: Marts, asked: Asked) -> Found:
    """Return whole days, up to the build's own day where nothing else was asked for."""
    as_of = marts.build.as_of.date()
    if asked.until == monday(as_of):
        asked = replace(asked, until=as_of)
    found = service.days(marts, asked)
    shown = {"charts": _charts(found), "past_routes": [_route(one) for one in found.routes[:MOST_ROUTES]]}
    by_day = tuple((day, *_cells(one)) for day, one in found.days)
    tables = (
        Table("days", "By day", ("day", *_COLUMNS), by_day),
        _requests_table("routes", "By route", found.routes),
    )
    return Found(shown, tables, found.is_synthetic, not found.days)


def _request_gauges(whole: Requests) -> list[Gauge]:
    target, share = definitions()[ERRORS].target, whole.server_errors.value
    pill, note = None, f"5xx of {whole.requests:,} requests"
    if target:
        note += f", target ≤ {goal(target.value, 'share')}"
        if share is not None:
            pill = Pill("check_circle", "Met", "good") if target.is_met(share) else Pill("cancel", "Above", "bad")
    p95 = "Above 10 s" if whole.p95_ms == float("inf") else f"{whole.p95_ms:,.0f} ms" if whole.p95_ms else NO_DATA
    return [
        Gauge("Server errors", text(whole.server_errors, "share"), note, pill),
        Gauge(f"Within {QUICK_MS} ms", text(whole.quick, "share"), "of all requests"),
        Gauge("95 % answered within", p95, "upper edge of the histogram's bucket"),
    ]


def _outbox_gauges(now: Now) -> list[Gauge]:
    if now.waiting is None:
        waiting = Gauge("Oldest event waits", NO_DATA, "no relay has told this process")
    else:
        late = now.waiting > LATE_SECONDS
        pill = Pill("warning", "Late", "wait") if late else Pill("check_circle", "On time", "good")
        waiting = Gauge("Oldest event waits", seconds(now.waiting), f"told {seconds(now.measured_ago or 0)} ago", pill)
    pill = Pill("warning", "To look at", "wait") if now.dead_letters else Pill("check_circle", "None", "good")
    return [waiting, Gauge("Dead letters", f"{now.dead_letters:,}", "events that could not leave", pill)]


def _route(one: Requests) -> dict[str, Any]:
    p95 = "> 10 s" if one.p95_ms == float("inf") else f"≤ {one.p95_ms:,.0f} ms" if one.p95_ms else ""
    return {
        "name": one.name,
        "requests": f"{one.requests:,}",
        "errors": text(one.server_errors, "share"),
        "refused": text(one.client_errors, "share"),
        "quick": text(one.quick, "share"),
        "p95": p95,
        "is_bad": bool(one.server_errors.value),
    }


def _charts(found: Days) -> list[Any]:
    times = [f"{day:%-d %b}" for day, _ in found.days]
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
