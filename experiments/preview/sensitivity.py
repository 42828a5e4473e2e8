"""What an experiment could show of its primary metric, by the roster's own past. Pure.

The past gives the spread of subjects, how alike a coach's athletes are, and what a pre-period explains; how fast
subjects come is how fast they came before. What the past does not tell is `Unknown`, with the reason, and no number.

What a coach's athletes of both arms share cancels; how much of the correlation that is, nobody can tell before there
are two arms. So the answer has two ends: nothing of it is shared, which is the cautious one, or all is (`at_best`).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import Design, detectable, power, run_time, subjects_needed
from experiments.analysis.planning import WEEK
from experiments.protocol import Protocol
from experiments.streams import Measure, Measured, Shape

Vector = NDArray[np.float64]
FEWEST_VALUES: Final = 20
"""With fewer subjects a standard deviation is known to less than a sixth (1 / sqrt(2 (n - 1)))."""
FEWEST_CLUSTERS: Final = 3
"""With fewer coaches the analysis itself says "not identified"."""
OPEN_END: Final = timedelta(days=28)
"""What is taken of a metric whose window has no end."""
LOOK_BACK: Final = timedelta(weeks=8)
WEEKS: Final = LOOK_BACK // timedelta(weeks=1)
CURVE: Final = (2, 4, 6, 8)
_MOST_EXPLAINED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing can be said, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Background:
    """A metric in the past, among those who would be in the experiment.

    subjects: with a value; of: all. mean, sd: in the metric's unit, a ratio's by the delta method. clusters: coaches,
    None where each subject stands alone. icc, cluster_size_cv: as `analysis.Design` has them, 0 without clusters.
    variance_reduction: by the pre-period value, adjusted R², 0 without one. span: of the values; before: of the
    pre-period.
    """

    subjects: int
    of: int
    mean: float
    sd: float
    clusters: int | None
    icc: float
    cluster_size_cv: float
    variance_reduction: float
    span: timedelta
    before: timedelta


class Source(StrEnum):
    """Where the arrivals are taken from."""

    USES = "uses"  # of what the experiment sets
    FACTS = "facts"  # of the metric
    AT_ONCE = "at_once"  # a closed roster whose use is not known


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How fast subjects come. weekly: (8,) how many came for the first time within 1 … 8 weeks; of: how many there are.

    Whoever came in none of the weeks is not expected. After 8 weeks they go on at the mean rate, up to `of`.
    """

    weekly: tuple[int, ...]
    of: int
    source: Source

    @property
    def a_day(self) -> float:
        return self.weekly[-1] / (len(self.weekly) * WEEK)

    def after(self, days: float) -> int:
        """Return how many have come after days; whole weeks alone count, as in the analysis."""
        weeks = math.floor(days / WEEK)
        if weeks <= 0:
            return 0
        if weeks <= len(self.weekly):
            return self.weekly[weeks - 1]
        return min(self.of, math.floor(self.a_day * weeks * WEEK + 1e-9))

    def days_for(self, subjects: int) -> int | None:
        """Return the days, of whole weeks, until so many have come; None where there are not so many."""
        for week, come in enumerate(self.weekly, start=1):
            if come >= subjects:
                return week * WEEK
        return None if subjects > self.of else run_time(subjects, self.a_day)


class Treatment(NamedTuple):
    """What a comparison with the control shows. detectable: in the metric's unit; lift: as a share of the mean."""

    variant: str
    design: Design
    detectable: float | None
    lift: float | None


class Point(NamedTuple):
    """After so many days: how many subjects count, and the smallest effect they show in every treatment."""

    days: int
    subjects: int
    detectable: float | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What can be seen, with a power of 80 % and looking each day.

    days, subjects: up to the end date, else 8 weeks; subjects whose window is over. worst: the treatment that needs
    most. needed: subjects for the target; days_needed: until they have come and were followed; None where there is no
    target, or it is never reached. followed: days for which each subject is followed before they count. at_best,
    needed_at_best: of the worst treatment, if both arms share all that makes a coach's athletes alike.
    """

    background: Background
    arrivals: Arrivals
    treatments: tuple[Treatment, ...]
    worst: Treatment
    days: int
    subjects: int
    curve: tuple[Point, ...]
    followed: int
    target: float | None
    needed: int | None
    days_needed: int | None
    fewest_weeks: int
    at_best: float | None
    needed_at_best: int | None

    def days_for(self, subjects: int | None) -> int | None:
        """Return the days, of whole weeks, until so many have come and were followed; None where that is never."""
        return _days_for(subjects, self.arrivals, self.followed, self.fewest_weeks)


class Powered(NamedTuple):
    """Answers of one design: of `subjects` in all arms, and of an effect in the metric's unit; None where not asked."""

    subjects: int | None
    detectable: float | None
    effect: float | None
    power: float | None
    needed: int | None


def span_of(measure: Measure) -> timedelta:
    """Return how long a value is collected."""
    return (measure.before or OPEN_END) if measure.stop is None else measure.stop - measure.start


def background(
    measure: Measure, facts: Iterable[Measured], clusters: Mapping[str, str], *, until: datetime
) -> Background | Unknown:
    """Describe a metric in the span that ends at `until`, with the pre-period just before it.

    Args:
        facts: of the metric; of one id the one known last counts. clusters: who counts, with their coach or own id.
    """
    span = span_of(measure)
    begins = until - span
    within, earlier = _by_subject(measure, facts, clusters, begins, until)
    subjects = sorted(key for key in clusters if measure.shape is not Shape.RATIO or _sum(within[key])[1] > 0)
    if len(subjects) < FEWEST_VALUES:
        return Unknown(
            f"{len(subjects)} of {len(clusters)} athletes have a value in the last {span.days} days, "
            f"at least {FEWEST_VALUES} are needed"
        )
    values, mean = _values(measure.shape, [within[key] for key in subjects])
    sd = float(values.std(ddof=1))
    if not sd > 1e-9 * max(1.0, abs(mean)):
        return Unknown(f"in the last {span.days} days all {len(subjects)} athletes have the same value")
    groups = [clusters[key] for key in subjects]
    if len(set(groups)) < FEWEST_CLUSTERS:
        return Unknown(f"their athletes have {len(set(groups))} coaches, at least {FEWEST_CLUSTERS} are needed")
    alone = len(set(groups)) == len(groups)
    sizes = np.array(list(Counter(groups).values()), dtype=np.float64)
    before = np.array([_before(measure.shape, earlier[key]) for key in subjects])
    return Background(
        subjects=len(subjects),
        of=len(clusters),
        mean=mean,
        sd=sd,
        clusters=None if alone else len(sizes),
        icc=0.0 if alone else intraclass_correlation(values, groups),
        cluster_size_cv=0.0 if alone else float(sizes.std() / sizes.mean()),
        variance_reduction=_explained(values, before),
        span=span,
        before=measure.before,
    )


def intraclass_correlation(values: Vector, groups: Sequence[str]) -> float:
    """Return the one-way ANOVA estimator, at least 0 and at most 1 (Donner 1986, Int. Statistical Review 54).

    Args:
        values: (n,) finite. groups: (n,) names, at least two of them, one with two values at least.

    Raises:
        ValueError: the groups do not allow an estimate.
    """
    _, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    sizes = np.bincount(codes).astype(np.float64)
    k, n = len(sizes), len(values)
    if k < 2 or n <= k:
        raise ValueError("two groups or more, and one of them with two values")
    means = np.bincount(codes, weights=values) / sizes
    between = float(sizes @ (means - values.mean()) ** 2) / (k - 1)
    inside = float(((values - means[codes]) ** 2).sum()) / (n - k)
    size = (n - float(sizes @ sizes) / n) / (k - 1)
    whole = between + (size - 1) * inside
    return min(max((between - inside) / whole, 0.0), 1.0) if whole > 0 else 0.0


def arrivals(uses: Iterable[Measured], subjects: Collection[str], *, source: Source, until: datetime) -> Arrivals:
    """Return how fast subjects came for the first time in the 8 weeks before `until`; at once where nobody can tell."""
    if source is Source.AT_ONCE:
        return Arrivals((len(subjects),) * WEEKS, len(subjects), source)
    since, first = until - LOOK_BACK, dict[str, datetime]()
    for use in uses:
        if use.subject in subjects and since <= use.at < until:
            first[use.subject] = min(first.get(use.subject, use.at), use.at)
    weeks = Counter((at - since) // timedelta(weeks=1) for at in first.values())
    weekly = tuple(sum(weeks[one] for one in range(week + 1)) for week in range(WEEKS))
    return Arrivals(weekly, len(subjects), source)


def sensitivity(
    found: Background,
    coming: Arrivals,
    protocol: Protocol,
    measure: Measure,
    *,
    shares: Mapping[str, float],
    days: int | None,
) -> Sensitivity | Unknown:
    """Return what the experiment could show.

    Args:
        shares: each variant's share of all subjects. days: from start to end, None without an end.
    """
    followed = (
        0 if measure.shape is Shape.RATIO or measure.stop is None else math.ceil(measure.stop / timedelta(days=1))
    )
    length = LOOK_BACK.days if days is None else days
    designs = _designs(found, protocol, shares)
    if not designs:
        return Unknown("the control, or every treatment, has a share of 0")
    subjects = coming.after(length - followed)
    treatments = tuple(Treatment(name, design, *_seen(design, subjects, found)) for name, design in designs.items())
    worst = min(treatments, key=lambda one: (one.design.share_treatment, one.variant))
    curve = []
    for week in CURVE:
        come = coming.after(week * WEEK - followed)
        curve.append(Point(week * WEEK, come, _seen(worst.design, come, found)[0]))
    needed = subjects_needed(worst.design, protocol.target) if protocol.target else None
    best = replace(worst.design, icc=0.0)
    return Sensitivity(
        background=found,
        arrivals=coming,
        treatments=treatments,
        worst=worst,
        days=length,
        subjects=subjects,
        curve=tuple(curve),
        followed=followed,
        target=protocol.target or None,
        needed=needed,
        days_needed=_days_for(needed, coming, followed, protocol.fewest_weeks),
        fewest_weeks=protocol.fewest_weeks,
        at_best=_seen(best, subjects, found)[0],
        needed_at_best=subjects_needed(best, protocol.target) if protocol.target else None,
    )


def powered(design: Design, *, subjects: int | None, effect: float | None) -> Powered:
    """Answer what is asked of a design.

    Raises:
        ValueError: the effect is 0.
    """
    return Powered(
        subjects,
        None if subjects is None else detectable(design, subjects),
        effect,
        None if subjects is None or effect is None else power(design, subjects, effect),
        None if effect is None else subjects_needed(design, effect),
    )


def _days_for(subjects: int | None, coming: Arrivals, followed: int, fewest_weeks: int) -> int | None:
    wait = None if subjects is None else coming.days_for(subjects)
    return None if wait is None else max(math.ceil((wait + followed) / WEEK), fewest_weeks) * WEEK


def _designs(found: Background, protocol: Protocol, shares: Mapping[str, float]) -> dict[str, Design]:
    """Return the design of each comparison with the control."""
    control = shares[protocol.control]
    treated = {name: share for name, share in shares.items() if share and name != protocol.control}
    if not control:
        return {}
    return {
        name: Design(
            sd=found.sd,
            share_treatment=share,
            share_control=control,
            comparisons=len(treated),
            alpha=protocol.alpha,
            variance_reduction=found.variance_reduction,
            clusters=found.clusters,
            icc=found.icc,
            cluster_size_cv=found.cluster_size_cv,
        )
        for name, share in treated.items()
    }


def _seen(design: Design, subjects: int, found: Background) -> tuple[float | None, float | None]:
    effect = detectable(design, subjects) if subjects else None
    return effect, effect / abs(found.mean) if effect is not None and found.mean else None


def _by_subject(
    measure: Measure, facts: Iterable[Measured], clusters: Collection[str], begins: datetime, until: datetime
) -> tuple[defaultdict[str, list[Measured]], defaultdict[str, list[Measured]]]:
    """Return facts of the span and of the pre-period; of one id the one known last."""
    known = [fact for fact in facts if fact.metric == measure.metric and fact.known_at <= until]
    last = {fact.id: fact for fact in sorted(known, key=lambda fact: (fact.known_at, fact.at))}
    within, earlier = defaultdict[str, list[Measured]](list), defaultdict[str, list[Measured]](list)
    for fact in last.values():
        if fact.subject in clusters and begins <= fact.at < until:
            within[fact.subject].append(fact)
        elif fact.subject in clusters and begins - measure.before <= fact.at < begins:
            earlier[fact.subject].append(fact)
    return within, earlier


def _sum(facts: Iterable[Measured]) -> tuple[float, float]:
    found = list(facts)
    return math.fsum(fact.y for fact in found), math.fsum(fact.d for fact in found)


def _values(shape: Shape, facts: Sequence[Sequence[Measured]]) -> tuple[Vector, float]:
    """Return a value for each subject and their mean; a ratio is made linear around it (delta method)."""
    if shape is Shape.SHARE:
        values = np.array([float(any(fact.y > 0 for fact in own)) for own in facts])
        return values, float(values.mean())
    sums = np.array([_sum(own) for own in facts])
    if shape is Shape.MEAN:
        return sums[:, 0], float(sums[:, 0].mean())
    y, d = sums.mean(axis=0)
    ratio = float(y / d)
    return ratio + (sums[:, 0] - ratio * sums[:, 1]) / d, ratio


def _before(shape: Shape, facts: Sequence[Measured]) -> float:
    """Return the pre-period value, NaN where there is none, as the analysis takes it."""
    if shape is Shape.SHARE:
        return float(any(fact.y > 0 for fact in facts)) if facts else math.nan
    y, d = _sum(facts)
    if shape is Shape.MEAN:
        return y if facts else math.nan
    return y / d if d > 0 else math.nan


def _explained(values: Vector, before: Vector) -> float:
    """Return the adjusted R² of the pre-period value and of whether it is known; 0 where too few have one."""
    known = ~np.isnan(before)
    if known.sum() < FEWEST_VALUES:
        return 0.0
    n = len(values)
    columns = np.column_stack([np.ones(n), np.where(known, before, 0.0), known.astype(np.float64)])
    fitted, _, rank, _ = np.linalg.lstsq(columns, values, rcond=None)
    whole = float(((values - values.mean()) ** 2).sum())
    left = float(((values - columns @ fitted) ** 2).sum())
    adjusted = 1 - (left / (n - int(rank))) / (whole / (n - 1))
    return min(max(adjusted, 0.0), _MOST_EXPLAINED)
