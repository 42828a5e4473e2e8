"""What an experiment asks, and how that will be judged: written before the start, frozen by it. Pure.

One primary metric answers the question; goals are further questions, adjusted for each other; guardrails stop. What is
frozen here and not in a phase's configuration would otherwise be chosen when the data are known.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from common.canonical import canonical_json, text_sha256
from experiments.analysis.comparison import ALPHA
from experiments.analysis.conclusion import FEWEST_WEEKS
from experiments.fields import Fields, is_name, raise_all

MOST_GOALS: Final = 10
MOST_GUARDRAILS: Final = 10
MOST_SUBJECTS: Final = 10**8
WEEKS: Final = (1, 52)
ALPHAS: Final = (0.001, 0.2)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A metric that stops the experiment where a treatment is worse than the control by more than a margin.

    margin: in the metric's unit, or a share of the control's value where `relative`.
    """

    metric: str
    margin: float
    relative: bool


@dataclass(frozen=True, slots=True)
class Protocol:
    """The question and its rules.

    control: the variant that the others are compared with. planned_subjects: in all variants, where the intervals are
    narrowest. target: the difference of the primary metric that matters, in its unit; similar: the lift (0.02 is 2 %)
    that would not; None where it was not said. parameter, values: what each variant sets; empty for experiments that
    clients read by the variant's key.
    """

    control: str
    primary: str
    planned_subjects: int
    goals: tuple[str, ...] = ()
    guardrails: tuple[Guarded, ...] = ()
    target: float | None = None
    similar: float | None = None
    fewest_weeks: int = FEWEST_WEEKS
    alpha: float = ALPHA
    parameter: str = ""
    values: tuple[tuple[str, str], ...] = ()

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics, the primary first, each once."""
        return tuple(dict.fromkeys((self.primary, *self.goals, *(rule.metric for rule in self.guardrails))))

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON, hex: what the start froze."""
        return text_sha256(canonical_json(self.as_json()))

    def as_json(self) -> dict[str, Any]:
        """Return the document that `read_protocol` reads."""
        return {
            "control": self.control,
            "primary_metric": self.primary,
            "goal_metrics": list(self.goals),
            "guardrails": [
                {"metric": rule.metric, "margin": rule.margin, "relative": rule.relative} for rule in self.guardrails
            ],
            "planned_subjects": self.planned_subjects,
            "target": self.target,
            "similar": self.similar,
            "fewest_weeks": self.fewest_weeks,
            "alpha": self.alpha,
            "parameter": self.parameter or None,
            "values": dict(self.values) or None,
        }


def read_protocol(
    document: object,
    *,
    variants: Collection[str],
    metrics: Collection[str],
    parameters: Mapping[str, Collection[str]],
    pointer: str = "/protocol",
) -> Protocol:
    """Read a protocol.

    Args:
        variants: those of the configuration. metrics: the names that are known. parameters: allowed values by name.

    Raises:
        InvalidInput: with every mistake, each pointing at its field.
    """
    errors: list[dict[str, str]] = []
    fields = Fields(pointer, document if isinstance(document, Mapping) else {}, errors)
    if not isinstance(document, Mapping):
        fields.wrong("", document, "an object")
        raise_all(errors)
    known = tuple(sorted(metrics))
    goals = fields.names("goal_metrics")
    parameter, values = _parameter(fields, variants, parameters)
    read: dict[str, Any] = {
        "control": fields.choice("control", sorted(variants), required=True),
        "primary": fields.choice("primary_metric", known, required=True),
        "planned_subjects": fields.whole("planned_subjects", 4, MOST_SUBJECTS, required=True),
        "goals": goals,
        "guardrails": _guardrails(fields, known),
        "target": fields.number("target"),
        "similar": fields.number("similar", low=0.0, high=1.0),
        "fewest_weeks": fields.whole("fewest_weeks", *WEEKS) or FEWEST_WEEKS,
        "alpha": fields.number("alpha", low=ALPHAS[0], high=ALPHAS[1]) or ALPHA,
        "parameter": parameter,
        "values": values,
    }
    fields.finish()
    for goal in goals:
        if goal not in known:
            fields.refuse("goal_metrics", f"found '{goal}', allowed {', '.join(known)}")
    if read["primary"] in goals:
        fields.refuse("goal_metrics", f"found '{read['primary']}', which is the primary metric already")
    if len(goals) > MOST_GOALS:
        fields.refuse("goal_metrics", f"found {len(goals)}, allowed at most {MOST_GOALS}")
    raise_all(errors)
    return Protocol(**read)


def _guardrails(fields: Fields, known: Collection[str]) -> tuple[Guarded, ...]:
    found: list[Guarded] = []
    for rule in fields.objects("guardrails", MOST_GUARDRAILS):
        metric = rule.choice("metric", known, required=True)
        margin = rule.number("margin", low=0.0, high=math.inf)
        relative = rule.flag("relative")
        rule.finish()
        if metric and any(one.metric == metric for one in found):
            rule.refuse("metric", f"found '{metric}' twice, allowed once")
        found.append(Guarded(metric or "", margin or 0.0, relative))
    return tuple(found)


def _parameter(
    fields: Fields, variants: Collection[str], parameters: Mapping[str, Collection[str]]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Read which parameter the variants set, and to what; every variant says."""
    parameter = fields.choice("parameter", sorted(parameters))
    values = fields.below("values")
    if parameter is None:
        if values is not None:
            fields.refuse("values", "found values, allowed none without a parameter")
        return "", ()
    if values is None:
        fields.refuse("values", f"found nothing, allowed a value of '{parameter}' for each variant")
        return parameter, ()
    allowed = sorted(parameters[parameter])
    found = [(name, values.choice(name, allowed, required=True)) for name in sorted(variants) if is_name(name)]
    values.finish()
    return parameter, tuple((name, value) for name, value in found if value is not None)
