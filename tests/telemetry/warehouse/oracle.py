"""The metrics in plain Python, from the events themselves: what the warehouse must say. Written from metrics.yml."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

Event = Mapping[str, Any]
Sums = dict[tuple[str, date], tuple[float, float]]
DONE = {"done": 1.0, "partly": 0.5, "skipped": 0.0}


def weekly(events: Iterable[Event], as_of: datetime) -> Sums:
    """Return numerator and denominator by metric and week; where the denominator is nothing there is none."""
    told = sorted({one["id"]: one for one in events}.values(), key=lambda one: (_at(one), one["id"]))
    by_type: dict[str, list[Event]] = defaultdict(list)
    for one in told:
        by_type[one["type"]].append(one)
    found: dict[tuple[str, date], list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(metric: str, day: date, y: float, d: float = 1.0) -> None:
        found[metric, monday(day)][0] += y
        found[metric, monday(day)][1] += d

    for part in (_sessions, _approvals, _ratings, _races, _generations, _people, _service):
        part(by_type, as_of, add)
    return {key: (y, d) for key, (y, d) in found.items()}


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


Add = Callable[..., None]
ByType = Mapping[str, list[Event]]


def _sessions(told: ByType, as_of: datetime, add: Add) -> None:
    schedules: dict[str, tuple[datetime, Any]] = {}
    for one in [*told["plan.published"], *told["plan.version.updated"]]:
        if one["data"].get("schedule") is not None:
            plan = one["data"]["plan_id"]
            if plan not in schedules or _at(one) >= schedules[plan][0]:
                schedules[plan] = _at(one), one["data"]["schedule"]
    said = {one["data"]["session_id"]: one["data"]["status"] for one in told["session.completed"]}
    completed, superseded = _first(told["plan.completed"]), _first(told["plan.superseded"])
    for plan, (_, schedule) in schedules.items():
        due, done = 0, 0.0
        for session in schedule:
            day = date.fromisoformat(session["day"])
            if day >= as_of.date() or plan in completed and day > completed[plan].date():
                continue
            if plan in superseded and day >= superseded[plan].date():
                continue
            worth = DONE.get(said.get(session["session_id"], ""), 0.0)
            add("adherence", day, worth)
            due, done = due + 1, done + worth
        ends = [moment.date() for moment in (completed.get(plan), superseded.get(plan)) if moment]
        last = max(date.fromisoformat(session["day"]) for session in schedule)
        if due and (ends or last < as_of.date()):
            add("plan_completion", min(ends) if ends else last, float(done > due / 2))


def _approvals(told: ByType, as_of: datetime, add: Add) -> None:
    generated = _first(told["plan.generated"])
    edits: dict[str, int] = defaultdict(int)
    for one in told["plan.edited"]:
        edits[one["data"]["plan_id"]] += 1
    seen = set()
    for one in told["plan.approved"]:
        plan = one["data"]["plan_id"]
        if plan in seen:
            continue
        seen.add(plan)
        if one["data"]["is_override"]:
            continue
        day = _at(one).date()
        add("override_frequency", day, edits[plan])
        if one["data"].get("changes") is not None:
            add("acceptance", day, float(one["data"]["changes"] == 0))
        if plan in generated:
            add("time_to_approval", day, (_at(one) - generated[plan]).total_seconds() / 3600)


def _ratings(told: ByType, as_of: datetime, add: Add) -> None:
    last = {one["data"]["plan_id"]: one for one in told["cycle.rated"]}
    for one in last.values():
        add("satisfaction", _at(one).date(), one["data"]["score"])
        add("satisfied", _at(one).date(), float(one["data"]["score"] >= 4))


def _races(told: ByType, as_of: datetime, add: Add) -> None:
    for one in {one["data"]["plan_id"]: one["data"] for one in told["race.result"]}.values():
        day = date.fromisoformat(one["raced_on"])
        if one["improvement_percent"] is not None:
            add("performance_improvement", day, one["improvement_percent"])
        if one["error_percent"] is not None and one["grade"] == "calibrated":
            add("prediction_error", day, abs(one["error_percent"]))


def _generations(told: ByType, as_of: datetime, add: Add) -> None:
    for one in told["generation.settled"]:
        day, data = _at(one).date(), one["data"]
        add("errors", day, float(data["outcome"] != "ok"))
        if data["latency_ms"] is not None:
            add("calculation_speed", day, data["latency_ms"])
        add("model_preference", day, float(data["preference"] == "advanced"), float(data["preference"] != ""))


def _people(told: ByType, as_of: datetime, add: Add) -> None:
    acts: dict[tuple[str, date], list[str]] = defaultdict(list)
    for kind in ("session.completed", "plan.approved", "plan.changes_requested", "cycle.rated", "activity.imported",
                 "generation.settled"):  # fmt: skip
        for one in told[kind]:
            acts[one["data"]["athlete"], monday(_at(one).date())].append(kind)
    this_week = monday(as_of.date())
    for (athlete, week), done in acts.items():
        add("feature_use", week, len(done))
        add("calculation_frequency", week, done.count("generation.settled"))
        later = week + timedelta(days=28)
        if later <= this_week:
            add("retention", later, float((athlete, later) in acts))
    for _, week in acts:
        add("problem_reports", week, 0.0)
    for one in told["report.filed"]:
        if one["data"].get("athlete"):
            add("problem_reports", _at(one).date(), 1.0, 0.0)
    described = {one["data"]["athlete"]: one["data"] for one in told["athlete.described"]}
    first: dict[str, date] = {}
    for one in told["plan.generated"]:
        first.setdefault(one["data"]["athlete"], _at(one).date())
    for athlete, data in described.items():
        ends = date.fromisoformat(data["joined_on"]) + timedelta(days=30)
        if ends < as_of.date():
            tried = float(athlete in first and first[athlete] <= ends)
            add("adoption", ends, tried)
            if data["tier"] == "elite":
                add("adoption_elite", ends, tried)


def _service(told: ByType, as_of: datetime, add: Add) -> None:
    hours = {(one["data"]["hour"], one["data"]["route"], one["data"]["method"]): one["data"]
             for one in told["service.measured"]}  # fmt: skip
    for one in hours.values():
        day = datetime.fromisoformat(one["hour"]).astimezone(UTC).date()
        add("server_errors", day, one["server_errors"], one["requests"])
        quick = sum(count for edge, count in (one["latency"] or {}).items() if edge != "inf" and int(edge) <= 200)
        add("quick_answers", day, quick, one["requests"])
    for one in {one["data"]["hour"]: one["data"] for one in told["service.observed"]}.values():
        day = datetime.fromisoformat(one["hour"]).astimezone(UTC).date()
        add("average_response", day, one["total_ms"], one["requests"])
        add("cache_hits", day, one["cache_hits"], one["cache_hits"] + one["cache_misses"])
        add("availability", day, one["probes_answered"], one["probes"])
    for one in {one["data"]["fit_id"]: one for one in told["model.recomputed"]}.values():
        outcome = one["data"]["outcome"]
        add(
            "calculation_deviation",
            _at(one).date(),
            float(outcome == "contradicts"),
            float(outcome != "inputs_changed"),
        )


def _first(told: list[Event]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for one in told:
        found.setdefault(one["data"]["plan_id"], _at(one))
    return found


def _at(event: Event) -> datetime:
    return datetime.fromisoformat(event["time"]).astimezone(UTC)
