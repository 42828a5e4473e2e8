"""Experiments of the product's own metrics with looks that were made for the tests, in whatever database there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from common import clock
from common.canonical import canonical_json, text_sha256
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentLook
from experiments.selectors import facts_of
from experiments.services.looking import ANALYSIS
from experiments.services.running import create_experiment, step
from tests.experiments.report.stories import DAY, looks

SCALES: Final = {
    "adherence": (0.71, 0.2),
    "satisfaction": (4.0, 0.6),
    "acceptance": (0.62, 0.25),
    "errors": (0.04, 0.05),
    "problem_reports": (0.3, 0.4),
    "calculation_speed": (640.0, 220.0),
}
ASKED: Final = {
    "control": "a",
    "primary_metric": "adherence",
    "goal_metrics": ["acceptance", "satisfaction", "calculation_speed"],
    "guardrails": [
        {"metric": "errors", "margin": 0.02},
        {"metric": "problem_reports", "margin": 0.5, "relative": True},
    ],
    "planned_subjects": 500,
    "target": 0.04,
    "similar": 0.02,
}
STORIES: Final[dict[str, dict[str, Any]]] = {
    "inconclusive": {"days": 21, "a_day": 12},
    "better": {"days": 21, "a_day": 16, "effect": {"b": 0.6}},
    "stopped": {"days": 14, "a_day": 16, "harm": {"b": 1.8}},
    "hidden": {"days": 24, "a_day": 30, "lost": 0.75},
    "early": {"days": 9, "a_day": 12},
    "few-coaches": {"days": 14, "a_day": 12, "coaches": 2},
    "three": {"days": 21, "a_day": 24, "effect": {"c": 0.7}},
    "new": {"days": 0},
}


def place(key: str, *, days_ago: int | None = None, now: datetime | None = None, **story: Any) -> Experiment:
    """Make an experiment that began that many days ago and its looks, one a midnight."""
    now = now or datetime.now(UTC)
    days = story.get("days", 0)
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0) - (days if days_ago is None else days_ago) * DAY
    weights = {"a": 40, "b": 30, "c": 30} if key == "three" else {"a": 50, "b": 50}
    told = {"key": key, "reason": "for the test", "acting_user": COMMAND_LINE}
    fields = {"name": f"Shorter tapers, {key}", "variant_weights": weights, "protocol": ASKED}
    fields |= {"stratification_keys": ["sport"], "end_at": (begin + 42 * DAY).isoformat()}
    with clock.frozen(begin - timedelta(minutes=1) if days == 0 else begin):
        create_experiment(fields=fields, **told)
        step(command=Command.START, expected=None, **told)
    if days:
        add_looks(key, **story)
    return experiment(key)


def add_looks(key: str, **story: Any) -> None:
    """Store looks of a story."""
    with unit_of_work(ANALYSIS):
        found = Experiment.objects.get(key=key)
        facts = facts_of(found, list(found.phases.all()))
        for look in looks(facts, scales=SCALES, **story):
            document = look.as_json()
            sha256 = text_sha256(canonical_json(document))
            of_look: Mapping[str, Any] = {"number": look.number, "as_of": look.as_of, "document_json": document}
            ExperimentLook.objects.create(experiment=found, sha256=sha256, **of_look)


def experiment(key: str) -> Experiment:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Experiment.objects.get(key=key)


def place_all(*keys: str) -> None:
    """Place stories, one of them stopped by its guardrail."""
    for key in keys:
        place(key, **STORIES[key])
    told = {"key": "stopped", "expected": None, "acting_user": ANALYSIS}
    step(command=Command.COMPLETE, reason="harm beyond the margin", ended_by="errors", **told)
