"""How good the tags are: on held-out groups of the seed set, against words and against guessing, with intervals.

Intervals are percentiles of a bootstrap over groups (Efron 1979), since paraphrases of one comment are no independent
comments. Nothing random: the resampling has a fixed seed.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.tagging.fitting import fit, folds, kept_row, wanted_of
from modeling.tagging.keywords import tags_by_words
from modeling.tagging.seed import Example, reach_of, seed
from modeling.tagging.tags import MODELLED, OTHER, TAGS

RESAMPLES: Final = 1000
SEED: Final = 20260101
MARGIN: Final = 0.03
"""By how much mean F1 may be lower than that of the model in use before a new one counts as worse."""
BINS: Final = 5


@dataclass(frozen=True)
class Judged:
    """What a model that never saw an example's group says of it; no probabilities where it was out of reach."""

    tags: tuple[str, ...]
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True)
class Comparison:
    """The difference in mean F1 of a new model to the one in use, with the lower end of its one-sided 95 % interval."""

    difference: float
    low: float

    @property
    def accepted(self) -> bool:
        """Return whether the new model is not worse by more than `MARGIN`."""
        return self.low > -MARGIN

    def sentence(self) -> str:
        """Return the finding in words."""
        found = f"mean F1 {self.difference:+.3f} against the model in use, at least {self.low:+.3f} (one-sided 95 %)"
        return f"{'not worse' if self.accepted else 'worse'}: {found}; allowed is {-MARGIN:+.2f}"


def judged_by_folds(examples: Sequence[Example], also: Sequence[Example] = ()) -> list[Judged]:
    """Return what is said of each example by a model of the other folds and of all of `also`.

    `also` are corrections: they are learnt from and never asked about.
    """
    found: dict[int, Judged] = {}
    for learn, hold in folds([example.group for example in examples]):
        own = [examples[i] for i in learn]
        model, reach = fit([*own, *also]), reach_of(own)
        for i in hold:
            text = examples[i].text
            if reach.covers(text):
                probabilities = model.probabilities(kept_row(text))
                found[int(i)] = Judged(tuple(one.tag for one in model.chosen(probabilities)), probabilities)
            else:
                found[int(i)] = Judged((OTHER,), None)
    return [found[i] for i in range(len(examples))]


@functools.cache
def judged_seed() -> tuple[Judged, ...]:
    """Return what is said of the seed set by models of its other folds alone, made once a process."""
    return tuple(judged_by_folds(seed()))


def scores(examples: Sequence[Example], given: Sequence[Collection[str]]) -> dict[str, dict[str, float]]:
    """Return precision, recall and F1 with its 95 % interval of each tag, and of `mean` (the plain mean of all ten)."""
    counts = _counts(examples, given)
    whole, drawn = _f1(counts.sum(axis=0)), _f1(_resampled(counts))
    hits, extra, missed = counts.sum(axis=0)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    found = {
        tag: {
            "precision": _share(hits[i], hits[i] + extra[i]),
            "recall": _share(hits[i], hits[i] + missed[i]),
            "f1": _round(whole[i]),
            "f1_low": _round(low[i]),
            "f1_high": _round(high[i]),
            "examples": int(hits[i] + missed[i]),
        }
        for i, tag in enumerate(TAGS)
    }
    mean_low, mean_high = np.percentile(drawn.mean(axis=1), [2.5, 97.5])
    found["mean"] = {"f1": _round(whole.mean()), "f1_low": _round(mean_low), "f1_high": _round(mean_high)}
    return found


def calibration(examples: Sequence[Example], judged: Sequence[Judged]) -> dict[str, Any]:
    """Return Brier scores by tag beside that of always saying the tag's share, and a reliability table of all tags."""
    reached = [i for i, one in enumerate(judged) if one.probabilities is not None]
    truth = wanted_of([examples[i] for i in reached]).astype(float)
    said = np.array([judged[i].probabilities for i in reached])
    share = truth.mean(axis=0)
    brier, plain = ((said - truth) ** 2).mean(axis=0), share * (1 - share)
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    return {
        "out_of_reach": len(judged) - len(reached),
        "brier": {tag: _round(brier[i]) for i, tag in enumerate(MODELLED)},
        "brier_of_share": {tag: _round(plain[i]) for i, tag in enumerate(MODELLED)},
        "reliability": [
            {
                "from": number / BINS,
                "until": (number + 1) / BINS,
                "said": _round(said[bins == number].mean()),
                "was": _round(truth[bins == number].mean()),
                "count": int((bins == number).sum()),
            }
            for number in range(BINS)
            if (bins == number).any()
        ],
    }


def compared(
    examples: Sequence[Example], new: Sequence[Collection[str]], in_use: Sequence[Collection[str]]
) -> Comparison:
    """Return how a new model does against the one in use on the same held-out examples, drawn in pairs."""
    first, second = _counts(examples, new), _counts(examples, in_use)
    difference = _f1(first.sum(axis=0)).mean() - _f1(second.sum(axis=0)).mean()
    drawn = _f1(_resampled(first)).mean(axis=1) - _f1(_resampled(second)).mean(axis=1)
    return Comparison(_round(difference), _round(np.percentile(drawn, 5)))


def evaluation(examples: Sequence[Example], judged: Sequence[Judged]) -> dict[str, Any]:
    """Return scores of the model, of words and of the most frequent tag, and how well probabilities hold."""
    frequent = Counter(tag for example in examples for tag in example.tags).most_common(1)[0][0]
    return {
        "examples": len(examples),
        "groups": len({example.group for example in examples}),
        "model": scores(examples, [one.tags for one in judged]),
        "words": scores(examples, [tags_by_words(example.text) for example in examples]),
        "most_frequent": scores(examples, [(frequent,)] * len(examples)),
        "calibration": calibration(examples, judged),
    }


def _counts(examples: Sequence[Example], given: Sequence[Collection[str]]) -> NDArray[np.float64]:
    """Return groups × (hits, given too much, missed) × tags."""
    number = {group: i for i, group in enumerate(dict.fromkeys(example.group for example in examples))}
    counts = np.zeros((len(number), 3, len(TAGS)))
    for example, tags in zip(examples, given, strict=True):
        place = counts[number[example.group]]
        for i, tag in enumerate(TAGS):
            place[0, i] += tag in example.tags and tag in tags
            place[1, i] += tag not in example.tags and tag in tags
            place[2, i] += tag in example.tags and tag not in tags
    return counts


def _resampled(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the counts of `RESAMPLES` draws of as many groups as there are; the same draws each time."""
    groups = len(counts)
    times = np.random.default_rng(SEED).multinomial(groups, [1 / groups] * groups, size=RESAMPLES)
    return np.asarray(np.einsum("rg,gct->rct", times, counts), dtype=np.float64)


def _f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    hits, extra, missed = np.moveaxis(counts, -2, 0)
    return np.asarray(2 * hits / np.maximum(2 * hits + extra + missed, 1e-9))


def _share(part: float, whole: float) -> float:
    return _round(part / whole) if whole else 0.0


def _round(value: Any) -> float:
    return round(float(value), 4)
