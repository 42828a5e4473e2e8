"""Which pipeline answers a request. Pure, and in this order (requirements, "Order of decisions"), each with its reason:

tier → flag → athlete's setting → consent to experiments → experiment → pipeline. `route` goes up to the setting;
consent and experiment are asked for when the plan is made (`plans.services.in_experiment`), and `by_arm` goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MODEL_PIPELINES: Final = frozenset({"simplified", "advanced", "auto"})
CHOICES: Final = ("template", "simplified", "advanced", "auto")


class TierExcluded(Exception):
    """The tier does not include model-driven plans, and one was asked for by name."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, and why."""

    pipeline: str
    reason: str


def route(*, wish: str, tier_allowed: bool, flag_on: bool, flag_reason: str, setting: bool | None) -> Route:
    """Choose the pipeline.

    Args:
        wish: what the caller asked for, blank for no wish.
        tier_allowed: whether the athlete's tier satisfies the flag's.
        flag_on, flag_reason: the flag's decision for the athlete.
        setting: "use personalised plan generation": None follows the flag, False means template, True never widens.

    Raises:
        TierExcluded: a model pipeline was asked for explicitly by a tier that does not include it (rendered 403).
    """
    if wish == "template":
        return Route("template", "asked_for")
    if not tier_allowed:
        if wish in MODEL_PIPELINES:
            raise TierExcluded
        return Route("template", "tier")
    if not flag_on:
        return Route("template", f"flag_{flag_reason}")
    if setting is False:
        return Route("template", "setting_off")
    return Route(wish or "auto", "asked_for" if wish else "flag_on")


def by_arm(value: str, wish: str) -> Route:
    """Choose among the model pipelines as an experiment's arm says.

    In the group "choice" the caller's wish counts, else it is only logged as a preference.

    Args:
        value: a model pipeline, or "choice". wish: what the caller asked for, blank for no wish.
    """
    return Route(wish or "auto" if value == "choice" else value, "experiment")
