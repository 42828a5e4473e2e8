"""Plans as text and as the commands' JSON: race times, weeks, sessions."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from common.translating.showing import shown
from plans.models import Plan, PlanSession, PlanVersion
from plans.selectors import Week, weeks_of

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RACE_LABELS: Final = {
    "5k": "5 km",
    "10k": "10 km",
    "half_marathon": "Half marathon",
    "marathon": "Marathon",
    "40km_tt": "40 km time trial",
    "gran_fondo": "Gran fondo",
}
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$")


def race_label(race: str) -> str:
    """Return what a race is called, in the language at hand."""
    return shown(RACE_LABELS.get(race, race))


def seconds_from(text: str) -> float:
    """Return `3:15:00` or `45:30` in seconds.

    Raises:
        ValueError: neither h:mm:ss nor mm:ss.
    """
    match = _CLOCK.match(text.strip())
    first, second, third = match.groups() if match else ("", "", None)
    parts = (int(first), int(second), int(third)) if third else (0, int(first or 0), int(second or 0))
    if not match or parts[1] > 59 and third or parts[2] > 59:
        raise ValueError(f"{text!r} is not a time such as 3:15:00 or 45:30")
    return float(parts[0] * 3600 + parts[1] * 60 + parts[2])


def clock_text(seconds: float) -> str:
    """Return seconds as h:mm:ss (m:ss under an hour)."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def minutes_text(minutes: float) -> str:
    """Return minutes as h:mm."""
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}"


def predicted_text(predicted: dict[str, Any] | None) -> str:
    """Return `3:15:05 (80 %: 3:12:55 – 3:17:20)`, or that there is no prediction."""
    if not predicted:
        return shown("no prediction (no test to start from)")
    show = clock_text if predicted["unit"] == "s" else lambda value: f"{value:.0f} {predicted['unit']}"
    level = round(100 * predicted.get("level", 0.8))
    return f"{show(predicted['value'])} ({level} %: {show(predicted['low'])} – {show(predicted['high'])})"


def plan_document(plan: Plan, version: PlanVersion) -> dict[str, Any]:
    """Return a plan as `generate_plan --json` prints it."""
    return {
        "plan_id": str(plan.pk),
        "version_id": str(version.pk),
        "athlete_id": str(plan.athlete_id),
        "pipeline": plan.pipeline,
        "race": plan.race,
        "race_date": plan.race_date.isoformat(),
        "predicted": version.predicted_json,
        "weeks": [_week_document(week) for week in weeks_of(version)],
        "relaxed": version.relaxed_json,
        "warnings": version.warnings_json,
        "provenance": version.provenance_json,
        "content_sha256": version.content_sha256,
    }


def plan_text(plan: Plan, version: PlanVersion, *, today: date) -> str:
    """Return a plan as a coach reads it in a terminal."""
    weeks = weeks_of(version)
    lines = [
        f"{plan.athlete}: {RACE_LABELS.get(plan.race, plan.race)} on {plan.race_date:%a %d %b %Y}"
        f" ({(plan.race_date - today).days} days), pipeline {plan.pipeline}, plan {plan.pk}",
        f"Predicted: {predicted_text(version.predicted_json)}",
        *(f"Warning: {warning}" for warning in version.warnings_json),
        *(f"Relaxed: {item.get('message') or item.get('guard')}" for item in version.relaxed_json),
    ]
    for week in weeks:
        recovery = ", recovery" if week.is_recovery and week.phase != "recovery" else ""
        lines.append("")
        lines.append(
            f"Week {week.number}, from {week.monday:%d %b}: {week.phase}{recovery},"
            f" {minutes_text(week.minutes)} h, load {week.load:.0f}"
        )
        lines.extend(_session_line(session) for session in week.sessions)
    return "\n".join(lines)


def _session_line(session: PlanSession) -> str:
    work = session.prescribed_work_json
    duration = minutes_text(work.get("duration_min") or 0)
    key = "*" if session.key_session else " "
    return (
        f"  {session.day:%a %d %b} {key} {session.title:<12} {duration:>5}  load {session.load:>5.0f}  {_steps(work)}"
    )


def _steps(work: dict[str, Any]) -> str:
    return work.get("summary") or work.get("purpose") or ""


def _week_document(week: Week) -> dict[str, Any]:
    return {
        "number": week.number,
        "monday": week.monday.isoformat(),
        "phase": week.phase,
        "is_recovery": week.is_recovery,
        "target_load": week.target_load,
        "load": round(week.load, 1),
        "sessions": [
            {
                "session_id": str(session.session_id),
                "day": session.day.isoformat(),
                "modality": session.modality,
                "kind": session.kind,
                "title": session.title,
                "prescribed_work": session.prescribed_work_json,
                "load": session.load,
                "key_session": session.key_session,
            }
            for session in week.sessions
        ],
    }
