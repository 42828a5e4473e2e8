"""The words of models that pages translate when they show them."""

from __future__ import annotations

from collections.abc import Iterator

from common.translating.words import WORDS, Words

CHECKS = ("data", "leak", "consent", "evidence", "no worse", "better", "groups", "calibration", "safety")
STEPS = ("export", "train", "evaluate", "gate", "propose")
UNITS = ("a case", "times")
SOURCES = ("entered by hand", "synthetic", "synthetic history")
ASKED = ("nightly", "dry run", "the command line")


def words() -> Iterator[str]:
    """Yield the words that stand as values in runs of training and in their figures."""
    from modeling.learned.context import LEVELS, SPORTS, TIERS
    from modeling.training.evaluation import BRIER, CALIBRATION, HOLDS, LAST_TEST, LIFT, LOG_LOSS, NEXT_TEST
    from modeling.training.gate import PARTS
    from modeling.training.verdict import EVERYBODY

    yield from (*CHECKS, *STEPS, *UNITS, *SOURCES, *ASKED, EVERYBODY)
    yield from (*SPORTS, *LEVELS, *TIERS)
    yield from (*PARTS, *(part.capitalize() for part in PARTS))
    yield from (NEXT_TEST, LAST_TEST, *HOLDS.values(), LOG_LOSS, BRIER, CALIBRATION, LIFT)
    yield from ("tests", "sessions")


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("modeling", Words(words))
