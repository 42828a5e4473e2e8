"""Candidates that are no better than the champion, for the gate to refuse: shared by the tests and the benchmark."""

from __future__ import annotations

import numpy as np

from modeling.training.evaluation import Cases, probability_figures
from modeling.training.verdict import Figure


def null_figures(rng: np.random.Generator, units: int = 60, cases: int = 8) -> list[Figure]:
    """Return figures of candidates that are the champion plus symmetric noise, on cases clustered in people."""
    clusters = np.repeat(np.arange(units), cases)
    words = np.array(["running, advanced, guided", "cycling, elite, premium"])[clusters % 2].tolist()
    found: list[Figure] = []
    for part in ("priors", "overrides", "adherence"):
        truth = np.clip(0.3 + rng.normal(0.0, 0.15, units)[clusters], 0.02, 0.98)
        happened = (rng.random(len(truth)) < truth).astype(np.float64)
        shift = rng.normal(0.0, 0.1, units)[clusters]
        ours, theirs = np.clip(truth + shift, 0.01, 0.99), np.clip(truth - shift, 0.01, 0.99)
        swap = rng.random(units)[clusters] < 0.5
        ours, theirs = np.where(swap, ours, theirs), np.where(swap, theirs, ours)
        base = np.full(len(truth), happened.mean())
        part_figures = probability_figures(Cases(part, happened, ours, theirs, base, clusters, words))
        metric = {"log loss": "next-test error"} if part == "priors" else {}
        found += [_renamed(one, metric.get(one.metric, one.metric)) for one in part_figures]
    return found


def _renamed(one: Figure, metric: str) -> Figure:
    return Figure(**{**{name: getattr(one, name) for name in one.__dataclass_fields__}, "metric": metric})
