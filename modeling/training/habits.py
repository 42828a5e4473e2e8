"""The learners of habits (`overrides`, `adherence`) as a run calls them, and their cases as an evaluation wants them.

They are given to a run as callables, so that a run can be tried without them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import LEVELS, SPORTS, TIERS, encode
from modeling.training.evaluation import Cases, group_words
from modeling.training.histories import share_of

Vector = NDArray[np.float64]

LEAST_SESSIONS: Final = 300
"""Below it neither habit is learned."""
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
    from modeling.training import adherence, features, overrides

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
    """Return whether coaches adjusted held-out sessions, and how probable the models held it; baseline: the base rate.

    Where there is no model the coach's own share answers (`by_own_share`).

    Sessions of versions that adjust beforehand stay out: what their coaches leave alone was adjusted already.
    """
    from modeling.training.overrides import is_untouched

    rows = training.take(is_untouched(training) & (training.coach >= 0))
    rows = _at_most(rows)
    happened = np.logical_or.reduce([getattr(rows.labels, name) for name in _ADJUSTMENTS]).astype(np.float64)
    rate, own = _rate(happened), by_own_share(rows.context["coach_share"], happened)
    scores = [own if model is None else _adjusted(model, rows) for model in (candidate, champion)]
    clusters = np.unique(rows.coach, return_inverse=True)[1]
    return Cases("overrides", happened, scores[0], scores[1], rate, clusters, _groups(rows))


def adherence_cases(training: Any, candidate: Any, champion: Any) -> Cases:
    """Return whether held-out sessions were completed, and how probable the models held it; baseline: the base rate.

    Where there is no model the athlete's own share of late answers (`by_own_share`).
    """
    rows = _at_most(training.take(~np.isnan(training.labels.completed)))
    happened = np.asarray(rows.labels.completed, dtype=np.float64)
    rate, own = _rate(happened), by_own_share(rows.context["adherence_28d"], happened)
    scores = [
        own if model is None else np.asarray(model.probabilities(_encoded(model, rows)), dtype=np.float64)
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


def by_own_share(share: Vector, happened: Vector) -> Vector:
    """Return what is known of each case without a model: the athlete's, or the coach's, own share of late.

    A model that only knows that people differ is no better than this, and nothing would change in plans by it. The
    share, NaN where it is not known, enters as log odds with a slope that is fitted to the very cases (Platt): that
    favours this side, by two parameters. happened: 0 to 1.
    """
    if not len(happened):
        return happened
    known = ~np.isnan(share)
    bounded = np.clip(np.where(known, share, 0.5), 0.02, 0.98)
    features = np.column_stack([np.ones(len(share)), known * np.log(bounded / (1.0 - bounded)), 1.0 - known])
    weights = np.zeros(3)
    for _ in range(30):
        chance = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30.0, 30.0)))
        slope = features.T @ (happened - chance) - _RIDGE * weights
        curve = (features * (chance * (1.0 - chance))[:, None]).T @ features + _RIDGE * np.eye(3)
        weights = weights + np.linalg.solve(curve, slope)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30.0, 30.0))))


_RIDGE: Final = 1e-3
"""Keeps the fit finite where a column is empty."""


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
    from modeling.training.split import split

    found = split(training)
    return found.train, found.test
