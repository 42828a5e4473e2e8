"""The learners of habits (`overrides`, `adherence`) as a run calls them, and their cases as an evaluation wants them.

They are given to a run as callables, so that a run can be tried without them. Pure.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import LEVELS, SPORTS, TIERS, encode
from modeling.training.evaluation import Cases, group_words
from modeling.training.histories import share_of

Vector = NDArray[np.float64]

MOST_CASES: Final = 60_000
"""Held-out sessions that are scored, by whole athletes."""


@dataclass(frozen=True)
class Learners:
    """training_set: store → training set. split: it → (learned from, judged by). leak_check: it → what is wrong.

    fit_…: training set → part of the document, or None. …_cases: (training set, candidate's model, champion's) → cases.
    """

    training_set: Callable[..., Any]
    split: Callable[[Any], tuple[Any, Any]]
    leak_check: Callable[[Any], list[str]]
    fit_overrides: Callable[[Any], dict[str, Any] | None]
    fit_adherence: Callable[[Any], dict[str, Any] | None]
    override_cases: Callable[[Any, Any, Any], Cases]
    adherence_cases: Callable[[Any, Any, Any], Cases]


def learners() -> Learners:
    """Return the real ones; they need the extra [ml]."""
    features: Any = importlib.import_module("modeling.training.features")
    overrides: Any = importlib.import_module("modeling.training.overrides")
    adherence: Any = importlib.import_module("modeling.training.adherence")
    return Learners(
        features.training_set,
        _split,
        features.leak_check,
        overrides.fit_overrides,
        adherence.fit_adherence,
        override_cases,
        adherence_cases,
    )


def nobody() -> Learners:
    """Return learners that find nothing: a run learns priors alone."""

    def cases(*_: Any) -> Cases:
        raise ValueError("there is no case")

    return Learners(
        lambda store, *, as_of, heuristics: (),
        lambda training: (training, training),
        lambda training: [],
        lambda training: None,
        lambda training: None,
        cases,
        cases,
    )


def athletes_of(training: Any) -> set[str]:
    """Return the tokens of the athletes with a row."""
    if not len(training):
        return set()
    return {training.athletes[code] for code in np.unique(training.athlete).tolist()}


def described(heuristic: Any) -> Any:
    """Return a heuristic as the document keeps it."""
    if isinstance(heuristic, Mapping):
        return dict(heuristic)
    return asdict(heuristic) if is_dataclass(heuristic) and not isinstance(heuristic, type) else heuristic


def override_cases(training: Any, candidate: Any, champion: Any) -> Cases:
    """Return whether coaches adjusted held-out sessions, and how probable the models held it.

    Sessions of versions that adjust beforehand stay out: what their coaches leave alone was adjusted already.
    """
    module: Any = importlib.import_module("modeling.training.overrides")
    rows = training.take(module.is_untouched(training) & (training.coach >= 0))
    rows = _at_most(rows)
    happened = np.logical_or.reduce([getattr(rows.labels, name) for name in _ADJUSTMENTS]).astype(np.float64)
    rate = _rate(happened)
    scores = [rate if model is None else _adjusted(model, rows) for model in (candidate, champion)]
    clusters = np.unique(rows.coach, return_inverse=True)[1]
    return Cases("overrides", happened, scores[0], scores[1], rate, clusters, _groups(rows))


def adherence_cases(training: Any, candidate: Any, champion: Any) -> Cases:
    """Return whether held-out sessions were completed, and how probable the models held it; baseline: the base rate."""
    rows = _at_most(training.take(~np.isnan(training.labels.completed)))
    happened = np.asarray(rows.labels.completed, dtype=np.float64)
    rate = _rate(happened)
    scores = [
        rate if model is None else np.asarray(model.probabilities(_encoded(model, rows)), dtype=np.float64)
        for model in (candidate, champion)
    ]
    clusters = np.unique(rows.athlete, return_inverse=True)[1]
    return Cases("adherence", happened, scores[0], scores[1], rate, clusters, _groups(rows))


_ADJUSTMENTS: Final = ("volume", "swap", "move", "rest")


def _adjusted(model: Any, rows: Any) -> Vector:
    """Return the probability that a coach adjusts each session; the adjustments are taken as independent."""
    kept = np.ones(len(rows))
    for chance in model.chances(_encoded(model, rows)).values():
        kept = kept * (1.0 - chance)
    return np.asarray(1.0 - kept)


def _encoded(model: Any, rows: Any) -> Vector:
    """Return the features as a model knows them: a champion may have learned other heuristics."""
    same = tuple(model.heuristics) == tuple(rows.heuristics)
    return np.asarray(rows.encode() if same else encode(rows.contexts(), model.heuristics))


def _rate(happened: Vector) -> Vector:
    return np.full(len(happened), happened.mean() if len(happened) else 0.0)


def _groups(rows: Any) -> list[str]:
    names = (SPORTS, LEVELS, TIERS)
    codes = (rows.context[name].tolist() for name in ("sport", "level", "tier"))
    return [
        group_words(*(known[code] if code >= 0 else "other" for known, code in zip(names, row, strict=True)))
        for row in zip(*codes, strict=True)
    ]


def _at_most(training: Any) -> Any:
    """Return the cases of so many whole athletes that about `MOST_CASES` stay, the same ones each time."""
    if len(training) <= MOST_CASES:
        return training
    share = MOST_CASES / len(training)
    kept = np.array([share_of(token, "cases") < share for token in training.athletes])
    return training.take(kept[training.athlete])


def _split(training: Any) -> tuple[Any, Any]:
    splitting: Any = importlib.import_module("modeling.training.split")
    found = splitting.split(training)
    return found.train, found.test
