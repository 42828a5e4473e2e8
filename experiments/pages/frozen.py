"""What the start froze, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.translating.showing import said, shown
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.pages.words import moment, percent
from experiments.parameters import PARAMETERS


@dataclass(frozen=True, slots=True)
class FrozenArm:
    name: str
    sets: str
    is_control: bool


@dataclass(frozen=True, slots=True)
class Frozen:
    """parameter: what the variants set. asked, taken: label and value, of the question and of whom it takes."""

    parameter: str
    arms: tuple[FrozenArm, ...]
    asked: tuple[tuple[str, str], ...]
    taken: tuple[tuple[str, str], ...]


def frozen_of(experiment: Experiment) -> Frozen:
    """Return what no phase changes."""
    protocol = experiment.protocol
    parameter = PARAMETERS.find(protocol.get("parameter") or "")
    values, control = protocol.get("values") or {}, protocol.get("control")
    names = sorted(experiment.variant_weights, key=lambda name: (name != control, name))
    meant = parameter.values if parameter else {}
    arms = tuple(FrozenArm(name, meant.get(values.get(name, ""), ""), name == control) for name in names)
    return Frozen(parameter.title if parameter else "", arms, _asked(protocol), _taken(experiment))


def _asked(protocol: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    rules = [f"{shown(title_of(rule['metric']))}, {said(_margin(rule))}" for rule in protocol.get("guardrails") or []]
    target, similar = protocol.get("target"), protocol.get("similar")
    return (
        ("Primary metric", title_of(protocol.get("primary_metric"))),
        ("Goals", ", ".join(shown(title_of(name)) for name in protocol.get("goal_metrics") or []) or "none"),
        ("Guardrails", "; ".join(rules) or "none"),
        ("Planned subjects", f"{protocol.get('planned_subjects', 0):,}"),
        ("Difference that matters", percent(target) if target is not None else "not said"),
        ("Difference that would not", f"{percent(100 * similar)} %" if similar is not None else "not said"),
        ("Fewest weeks, alpha", f"{protocol.get('fewest_weeks', '–')}, {protocol.get('alpha', '–')}"),
    )


def _taken(experiment: Experiment) -> tuple[tuple[str, str], ...]:
    layer = experiment.layer
    targets = sorted(experiment.targeting.items())
    targeting = "; ".join(f"{shown(name)}: {', '.join(map(shown, values))}" for name, values in targets)
    return (
        ("Strata", " × ".join(map(shown, experiment.stratification_keys)) or "none"),
        ("Whom it is for", targeting or "everybody who has agreed"),
        ("Held out", f"{percent(experiment.holdout_percentage)} %"),
        (
            "Layer",
            f"{layer['key']}, " + said(f"{percent(layer['from'])} to {percent(layer['to'])} %") if layer else "none",
        ),
        ("Roster", experiment.get_roster_display()),
        ("Started", f"{moment(experiment.start_at)} UTC" if experiment.start_at else "–"),
    )


def _margin(rule: dict[str, Any]) -> str:
    how = f"{percent(100 * rule['margin'])} % of the control" if rule["relative"] else percent(rule["margin"])
    return f"worse by {how}"


def title_of(name: str | None) -> str:
    """Return a metric's title; a name that nobody registered is shown itself."""
    metric = METRICS.find(name or "")
    return metric.title if metric else name or "–"
