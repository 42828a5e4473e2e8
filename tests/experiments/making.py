"""Configurations, subjects and moments for the tests of experiments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from experiments.assignment import Subject
from experiments.configuration import Configuration
from experiments.lifecycle import State
from experiments.reading import read_configuration

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(weeks=8)
AT = START + timedelta(weeks=1)
SPORTS = ("running", "cycling", "triathlon", "strength")
LEVELS = ("beginner", "intermediate", "elite")


def document(**changes: Any) -> dict[str, Any]:
    """A configuration as people write it: two equal arms, stratified by sport and level."""
    return {
        "key": "plan-pipeline",
        "phase": 1,
        "variant_weights": {"control": 50, "advanced": 50},
        "stratification_keys": ["sport", "level"],
        "start_at": START.isoformat(),
        "end_at": END.isoformat(),
        **changes,
    }


def running(**changes: Any) -> Configuration:
    return read_configuration(document(**changes), state=State.RUNNING)


def athlete(number: int, **attributes: str) -> Subject:
    """An athlete with a version 7 id; ids that follow each other differ in few bits, the hard case for a hash."""
    return Subject(athlete_id(number), {"sport": "running", "level": "elite", **attributes})


def athlete_id(number: int) -> str:
    return f"01955c3a-0000-7000-8000-{number:012x}"
