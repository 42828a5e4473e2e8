"""What coaches change, when, for whom, how often, and how it went afterwards: clusters of overrides. Pure.

How often: the share of the sessions that a coach looked at; its interval is clustered by coach, since coaches decide,
and never narrower than that of independent sessions. How it went: plans with the change against plans whose sessions of
the same context were all kept, *within coaches* (the regression with an intercept for each coach, its interval by the
coaches' scores); where fewer than two coaches did both it is not identifiable. Observational: coaches change sessions
for reasons that bear on the outcome by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from modeling.learned.context import KINDS, REASONS
from modeling.training.exposed import Exposures, holds, whens

ALWAYS: Final = ("", "")
"""No condition: a kind's own rate."""

LEAST_CASES: Final = 10
"""Overrides that a cluster has at least."""
LEAST_PEOPLE: Final = 5
"""A data scientist sees no cluster of fewer athletes."""
_SIZES: Final = ((0.0, 0.15, "by less than 15 %"), (0.15, 0.3, "by 15–30 %"), (0.3, math.inf, "by 30 % or more"))
BANDS: Final = (
    *((change, words) for change in ("shortened", "lengthened") for _, _, words in _SIZES),
    *(("swapped", f"for {kind}") for kind in KINDS),
    ("moved", "earlier"),
    ("moved", "later"),
    ("rest", ""),
    ("intensity", ""),
)
"""Each change with how much it was, or to what, in the order of `bands`."""
CONFIDENCE: Final = 0.95

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval; both ends are None where one coach alone stands behind it."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Effect:
    """Overridden minus kept, with its 95 % interval; all None where it is not identifiable.

    coaches: who did both. overridden, kept: their plans.
    """

    value: float | None
    low: float | None
    high: float | None
    coaches: int = 0
    overridden: int = 0
    kept: int = 0

    @property
    def is_identifiable(self) -> bool:
        return self.value is not None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A change in a context.

    change: of `exposed.CHANGES`; band: how much, or to what; kind: of the session. field, value: the context, both
    empty for a kind's own rate. elsewhere: the share of the same kind's sessions outside the context, None where there
    are none. reason: the one most often given. factor: median of minutes after over before, None unless the volume
    changed. adherence: in shares; performance: in per cent.
    """

    change: str
    band: str
    kind: str
    field: str
    value: str
    exposed: int
    overridden: int
    coaches: int
    athletes: int
    share: Share
    elsewhere: float | None
    reason: str
    factor: float | None
    adherence: Effect
    performance: Effect

    @property
    def key(self) -> str:
        """Return what names the cluster in an address."""
        return "|".join((self.change, self.band, self.kind, self.field, self.value))

    @property
    def lift(self) -> float | None:
        """Return how many times as often as outside the context."""
        return self.share.value / self.elsewhere if self.elsewhere else None


def clusters(
    of: Exposures, *, least_people: int = LEAST_PEOPLE, effects: bool = True
) -> tuple[tuple[Cluster, ...], int]:
    """Return the clusters, the most frequent change first, and how many are hidden: of fewer than `least_people`.

    Of one context only those with `LEAST_CASES` overrides. effects: False leaves out how it went, which takes longest.
    """
    found: list[Cluster] = []
    hidden = 0
    for number, kind in enumerate(KINDS):
        mine = of.of(of.sessions.kind == number)
        what = [(change, band, mask) for change, band, mask in bands(mine) if mask.sum() >= LEAST_CASES]
        for field, value in (ALWAYS, *whens()) if what else ():
            cell = holds(mine, field, value) if field else np.ones(len(mine.sessions.kind), dtype=bool)
            for change, band, mask in what:
                made = cell & mask
                if made.sum() < LEAST_CASES:
                    continue
                if len(np.unique(mine.reviews.athlete[mine.sessions.review[made]])) < least_people:
                    hidden += 1
                    continue
                elsewhere = None if cell.all() else float(mask[~cell].mean())
                named = (change, band, kind, field, value)
                found.append(_cluster(mine, named, cell, made, elsewhere, effects=effects))
    found.sort(key=lambda one: (-one.overridden, one.key))
    return tuple(found), hidden


def bands(of: Exposures) -> Iterator[tuple[str, str, Mask]]:
    """Yield each change with how much it was, or to what, and of which sessions."""
    size = np.abs(1 - of.sessions.factor)
    for change in ("shortened", "lengthened"):
        for low, high, words in _SIZES:
            with np.errstate(invalid="ignore"):
                yield change, words, of.did(change) & (size >= low) & (size < high)
    for number, kind in enumerate(KINDS):
        yield "swapped", f"for {kind}", of.did("swapped") & (of.sessions.to_kind == number)
    yield "moved", "earlier", of.did("moved") & (of.sessions.shift < 0)
    yield "moved", "later", of.did("moved") & (of.sessions.shift > 0)
    yield "rest", "", of.did("rest")
    yield "intensity", "", of.did("intensity")


def _cluster(
    of: Exposures,
    named: tuple[str, str, str, str, str],
    cell: Mask,
    made: Mask,
    elsewhere: float | None,
    *,
    effects: bool,
) -> Cluster:
    change, band, kind, field, value = named
    reviews = of.sessions.review
    coach = of.reviews.coach
    reasons = of.sessions.reason[made]
    given = np.bincount(reasons[reasons >= 0], minlength=len(REASONS))
    factors = of.sessions.factor[made]
    is_volume = change in ("shortened", "lengthened")
    nothing = Effect(None, None, None)
    return Cluster(
        change=change,
        band=band,
        kind=kind,
        field=field,
        value=value,
        exposed=int(cell.sum()),
        overridden=int(made.sum()),
        coaches=len(np.unique(coach[reviews[made]])),
        athletes=len(np.unique(of.reviews.athlete[reviews[made]])),
        share=clustered_share(coach[reviews[cell]], made[cell], len(of.coaches)),
        elsewhere=elsewhere,
        reason=REASONS[int(given.argmax())] if given.any() else "",
        factor=float(np.median(factors)) if is_volume else None,
        adherence=effect_of(of, cell, made, of.reviews.adherence) if effects else nothing,
        performance=effect_of(of, cell, made, of.reviews.improvement) if effects else nothing,
    )


def clustered_share(cluster: NDArray[np.int64], is_hit: Mask, clusters: int) -> Share:
    """Return the share of hits, its interval clustered.

    cluster: of each case, a number below `clusters`. The t distribution has as many degrees of freedom as clusters but
    one. Never narrower than Agresti & Coull's interval (1998) of independent cases.
    """
    n = np.bincount(cluster, minlength=clusters).astype(float)
    x = np.bincount(cluster[is_hit], minlength=clusters).astype(float)
    x, n = x[n > 0], n[n > 0]
    total, share, groups = n.sum(), float(x.sum() / n.sum()), len(n)
    if groups < 2:
        return Share(share, None, None)
    between = math.sqrt(float(((x - share * n) ** 2).sum()) * groups / (groups - 1)) / total
    middle = float((x.sum() + 2) / (total + 4))
    independent = math.sqrt(middle * (1 - middle) / (total + 4))
    around = quantile(groups - 1) * max(between, independent)
    return Share(share, float(max(0.0, share - around)), float(min(1.0, share + around)))


def effect_of(of: Exposures, cell: Mask, made: Mask, outcome: NDArray[np.float64]) -> Effect:
    """Compare submissions with the change against those that kept all sessions of the context."""
    reviews, size = of.sessions.review, len(of.reviews.coach)
    is_in = np.bincount(reviews[cell], minlength=size) > 0
    is_made = np.bincount(reviews[made], minlength=size) > 0
    is_touched = np.bincount(reviews[cell & (of.sessions.changes != 0)], minlength=size) > 0
    known = ~np.isnan(outcome)
    return within(of.reviews.coach, outcome, is_made & known, is_in & ~is_touched & known, len(of.coaches))


def within(
    cluster: NDArray[np.int64], outcome: NDArray[np.float64], treated: Mask, kept: Mask, clusters: int
) -> Effect:
    """Return the mean difference within clusters, each weighted by n1 n0 / (n1 + n0): least squares with an intercept
    for each cluster; the interval is from the clusters' scores."""
    n1 = np.bincount(cluster[treated], minlength=clusters).astype(float)
    n0 = np.bincount(cluster[kept], minlength=clusters).astype(float)
    both = (n1 > 0) & (n0 > 0)
    groups = int(both.sum())
    if groups < 2:
        return Effect(None, None, None, groups, int(n1[both].sum()), int(n0[both].sum()))
    s1 = np.bincount(cluster[treated], weights=outcome[treated], minlength=clusters)[both]
    s0 = np.bincount(cluster[kept], weights=outcome[kept], minlength=clusters)[both]
    n1, n0 = n1[both], n0[both]
    weight = n1 * n0 / (n1 + n0)
    difference = s1 / n1 - s0 / n0
    value = float((weight * difference).sum() / weight.sum())
    scores = weight * (difference - value)
    error = math.sqrt(float((scores**2).sum()) * groups / (groups - 1)) / float(weight.sum())
    around = quantile(groups - 1) * error
    return Effect(value, value - around, value + around, groups, int(n1.sum()), int(n0.sum()))


def quantile(degrees: int) -> float:
    """Return Student's t that 95 % lie within."""
    return float(special.stdtrit(degrees, (1 + CONFIDENCE) / 2))
