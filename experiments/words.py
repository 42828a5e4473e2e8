"""The words of experiments that pages translate when they show them."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import pgettext

from common.translating.words import WORDS, Words
from experiments.metrics import METRICS
from experiments.parameters import PARAMETERS
from experiments.ready import READY
from experiments.streams import Reason

COUNTED = ("athlete", "athletes", "coach", "coaches", "stratum", "strata", "day", "days", "goal", "goals")
VALUES = ("none", "nobody", "not targeted", "held out", "other slice", "traffic", "unknown stratum", "shows")
PLACES = (
    "sport",
    "level",
    "tier",
    "Sport",
    "Level",
    "Tier",
    "Stratum",
    "Everybody",
    "Unknown",
    "After the start",
    "Complete…",
)
CHART = ("and", "shows {value}", "ln e", "not said", "limits", "absolute", "After the start", "Complete…")


def states() -> dict[str, str]:
    """Return the states as they stand in a sentence, in the language at hand; "running" is a sport elsewhere."""
    return {
        "draft": pgettext("status", "draft"),
        "running": pgettext("status", "running"),
        "paused": pgettext("status", "paused"),
        "complete": pgettext("status", "complete"),
    }


def words() -> Iterator[str]:
    """Yield the words that stand in experiments as values."""
    from experiments.report.headline import WORD

    yield from (*COUNTED, *VALUES, *PLACES, *CHART)
    yield from (reason.value.replace("_", " ") for reason in Reason)
    yield from (word.lower() for word in WORD.values())
    for _, metric in METRICS.items():
        yield from (metric.title, metric.title[:1].lower() + metric.title[1:], metric.describes)
    for name, _ in METRICS.items():
        yield name.replace("_", " ")
    for _, parameter in PARAMETERS.items():
        yield from (parameter.title, *parameter.values.values())
    for _, ready in READY.items():
        yield from (ready.title, ready.describes)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("experiments", Words(words))
