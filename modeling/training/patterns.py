"""Is a context really one in which coaches change a kind of session more often? A test for every night. Pure.

For each coach apart: the share changed in the context minus that outside it, of the same kind and as far ahead (the
next two weeks, or later), in one submission, or in two of this coach where one has only the one side; such differences
lie between -1 and 1 and are 0 on average where the context makes no difference to this coach. Betting a part of the
stake on each (Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86(1)),
mixed over parts, gives each coach an e-process e. With a share of coaches who do it, 1 - share + share x e is one as
well. That fewer than `LEAST_COACHES` coaches do it is tested by the product of these over all coaches but the highest
`LEAST_COACHES - 1` (partial conjunction, Benjamini & Heller 2008: the product over coaches who do not do it is never
smaller), mixed over shares. By Ville's inequality it ever reaches 1 / alpha with a
chance of at most alpha, however often one looks; over all patterns of the family alpha is divided by their number,
which holds for processes with pasts of their own, as pairs have, where e-BH would want one.

Assumed: given the coach, submissions are independent, and the coach's rate stays over the time of a pair. Within one
submission sessions may depend on each other as they like. A pattern is no cause: see `clusters`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import KINDS, REASONS
from modeling.training.clusters import Cluster, Mask
from modeling.training.exposed import CHANGES, Exposures, holds, whens

ALPHA: Final = 0.05
LEAST_COACHES: Final = 3
LEAST_ATHLETES: Final = 5
STAKES: Final = ((0.15, 0.3), (0.4, 0.4), (0.8, 0.3))
"""Parts of the stake that are bet, and how much money lies on each."""
DOERS: Final = (0.05, 0.15, 0.4, 0.9)
"""Shares of coaches who do it, mixed evenly: a coach who does not costs the evidence at most a factor of 1 - share."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A change of a kind of session in a context."""

    change: str
    kind: str
    field: str
    value: str

    @property
    def key(self) -> str:
        """Return the hash by which the pattern is known again, hex."""
        return hashlib.sha256("|".join((self.change, self.kind, self.field, self.value)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a pattern.

    log_e: natural logarithm of the e-value. inside, outside: shares changed. coaches, athletes: with an override in the
    context. by_coaches: whose own evidence speaks for it. cases, exposed: overridden and looked at, in the context.
    factor: median of minutes after over before, to_kind, shift: what the change mostly is, None where it is another.
    """

    pattern: Pattern
    log_e: float
    inside: float
    outside: float
    coaches: int
    by_coaches: int
    athletes: int
    cases: int
    exposed: int
    factor: float | None
    to_kind: str | None
    shift: int | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__ if name != "pattern"}


@dataclass(frozen=True)
class Units:
    """Differences of one pattern, the oldest first: by whom, known since when (days since 1970), how large."""

    coach: NDArray[np.int64]
    day: Numbers
    difference: Numbers


def family() -> tuple[Pattern, ...]:
    """Return every pattern that is looked at; their number is what alpha is divided by."""
    return tuple(
        Pattern(change, kind, field, value) for change in CHANGES for kind in KINDS for field, value in whens()
    )


def threshold(alpha: float = ALPHA) -> float:
    """Return the logarithm of the e-value that a pattern needs."""
    return math.log(len(CHANGES) * len(KINDS) * len(whens()) / alpha)


def significant(of: Exposures, *, alpha: float = ALPHA) -> tuple[Evidence, ...]:
    """Return the patterns that are significant now, the strongest first."""
    needed = threshold(alpha)
    found = [one for one in measured(of) if one.log_e >= needed and is_broad(one)]
    return tuple(sorted(found, key=lambda one: (-one.log_e, one.pattern.key)))


def is_broad(evidence: Evidence) -> bool:
    """Return whether enough coaches and athletes stand behind a pattern."""
    return evidence.coaches >= LEAST_COACHES and evidence.athletes >= LEAST_ATHLETES


def measured(of: Exposures) -> list[Evidence]:
    """Return the evidence for each pattern that enough people stand behind, by kind, change and context."""
    found = []
    for mine, pattern, cell, outside, made in _cells(of):
        if len(np.unique(mine.reviews.coach[mine.sessions.review[cell & made]])) < LEAST_COACHES:
            continue
        units = units_of(mine, cell, outside, made)
        logs = np.array([_log_e(units.difference[units.coach == coach]) for coach in np.unique(units.coach)])
        found.append(_evidence(mine, pattern, cell, outside, made, logs))
    return found


def _cells(of: Exposures) -> Iterator[tuple[Exposures, Pattern, Mask, Mask, Mask]]:
    """Yield each pattern that anybody ever followed: the kind's sessions, and of those which are inside the context,
    outside it, and changed."""
    for number, kind in enumerate(KINDS):
        mine = of.of(of.sessions.kind == number)
        did = {change: mine.did(change) for change in CHANGES}
        inside = {when: holds(mine, *when) for when in whens()}
        for change, made in did.items():
            for (field, value), cell in inside.items():
                if (cell & made).any():
                    yield mine, Pattern(change, kind, field, value), cell, ~cell, made


def units_of(of: Exposures, cell: Mask, outside: Mask, made: Mask) -> Units:
    """Return the differences of one pattern.

    A submission's near and far sessions are units of their own. One that has only the one side waits for the coach's
    next one with only the other, first come, first served: whom it meets depends on contexts alone.
    """
    sessions, size = of.sessions, 2 * len(of.reviews.coach)
    unit = 2 * sessions.review + sessions.is_far
    n_in, n_out = (np.bincount(unit[mask], minlength=size).astype(float) for mask in (cell, outside))
    x_in, x_out = (np.bincount(unit[mask & made], minlength=size).astype(float) for mask in (cell, outside))
    with np.errstate(invalid="ignore", divide="ignore"):
        share_in, share_out = x_in / n_in, x_out / n_out
    coach, day = np.repeat(of.reviews.coach, 2), np.repeat(of.reviews.day, 2)
    both = np.flatnonzero((n_in > 0) & (n_out > 0))
    first, second = _pairs(coach, (n_in > 0) & (n_out == 0), (n_out > 0) & (n_in == 0))
    difference = np.concatenate([share_in[both] - share_out[both], share_in[first] - share_out[second]])
    known = np.concatenate([day[both], np.maximum(day[first], day[second])])
    order = np.argsort(known, kind="stable")
    return Units(np.concatenate([coach[both], coach[first]])[order], known[order], difference[order])


def _pairs(coach: NDArray[np.int64], only_in: Mask, only_out: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return positions of pairs: the k-th one-sided unit of a coach with their k-th of the other side; near and far
    units are kept apart."""
    position = np.arange(len(coach))
    group = 2 * coach + position % 2
    sides = []
    for mask in (only_in, only_out):
        chosen = position[mask]
        order = np.lexsort((chosen, group[chosen]))
        chosen, groups = chosen[order], group[chosen][order]
        starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else np.array([], dtype=int)
        rank = np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
        sides.append((groups * (len(coach) + 1) + rank, chosen))
    _, at_in, at_out = np.intersect1d(sides[0][0], sides[1][0], assume_unique=True, return_indices=True)
    return sides[0][1][at_in], sides[1][1][at_out]


def _log_e(differences: Numbers) -> float:
    """Return the logarithm of a coach's e-value: the mixture over stakes of the products of 1 + stake x difference."""
    logs = [math.log(part) + float(np.log1p(stake * differences).sum()) for stake, part in STAKES]
    return float(np.logaddexp.reduce(logs))


def combined(logs: Numbers) -> float:
    """Return the logarithm of the e-value against "fewer than `LEAST_COACHES` coaches do it" from the coaches' own."""
    return float(_combined(logs[:, None])[0])


def _combined(logs: Numbers) -> Numbers:
    """Return `combined` for each column; rows are coaches."""
    if len(logs) < LEAST_COACHES:
        return np.zeros(logs.shape[1])
    kept = np.sort(logs, axis=0)[: len(logs) - LEAST_COACHES + 1]
    mixed = [np.logaddexp(math.log1p(-share), math.log(share) + kept).sum(axis=0) for share in DOERS]
    found: Numbers = np.logaddexp.reduce(mixed) - math.log(len(DOERS))
    return found


def highest(units: Units, nights: Sequence[float]) -> float:
    """Return the largest logarithm that `combined` had at any of some nights (days since 1970)."""
    coaches = np.unique(units.coach)
    paths = np.zeros((len(coaches), len(nights)))
    for row, coach in enumerate(coaches):
        mine = units.coach == coach
        seen = np.searchsorted(units.day[mine], np.asarray(nights), side="right")
        bets = [
            math.log(part) + np.r_[0.0, np.cumsum(np.log1p(stake * units.difference[mine]))][seen]
            for stake, part in STAKES
        ]
        paths[row] = np.logaddexp.reduce(bets)
    return float(_combined(paths).max())


def highest_of_family(of: Exposures, nights: Sequence[float]) -> float:
    """Return the largest logarithm that any pattern ever reached; for simulations."""
    reached = (highest(units_of(mine, *masks), nights) for mine, _, *masks in _cells(of))
    return max(reached, default=0.0)


def _evidence(of: Exposures, pattern: Pattern, cell: Mask, outside: Mask, made: Mask, logs: Numbers) -> Evidence:
    hit = cell & made
    reviews, sessions = of.sessions.review[hit], of.sessions
    is_volume = pattern.change in ("shortened", "lengthened")
    kinds, shifts = sessions.to_kind[hit], sessions.shift[hit]
    return Evidence(
        pattern=pattern,
        log_e=round(combined(logs), 3),
        inside=float(made[cell].mean()),
        outside=float(made[outside].mean()) if outside.any() else 0.0,
        coaches=len(np.unique(of.reviews.coach[reviews])),
        by_coaches=int((logs > 0).sum()),
        athletes=len(np.unique(of.reviews.athlete[reviews])),
        cases=int(hit.sum()),
        exposed=int(cell.sum()),
        factor=round(float(np.median(sessions.factor[hit])), 3) if is_volume else None,
        to_kind=_most(kinds[kinds >= 0], KINDS) if pattern.change == "swapped" else None,
        shift=int(np.median(shifts)) or 1 if pattern.change == "moved" else None,
        reason=_reason(sessions.reason[hit]),
    )


def _most(numbers: NDArray[np.int64], names: Sequence[str]) -> str | None:
    return names[int(np.bincount(numbers, minlength=len(names)).argmax())] if len(numbers) else None


def _reason(numbers: NDArray[np.int64]) -> str:
    return _most(numbers[numbers >= 0], REASONS) or ""


def pattern_of(cluster: Cluster) -> Pattern | None:
    """Return the pattern that a cluster is a part of; None of a kind's own rate."""
    return Pattern(cluster.change, cluster.kind, cluster.field, cluster.value) if cluster.field else None
