"""Permuted blocks: which variant the n-th subject of a stratum gets, so that no stratum drifts from the weights.

Two kinds, both with the property that each subject's chance of an arm, before anybody came, is exactly its share:

- a *shuffled* block holds each arm as often as its ratio says, every order equally likely (Zelen 1974);
- where the ratio needs so long a block that a shuffle may go astray (51 : 49 needs 100), the order is drawn within the
  *brick tunnel* (Kuznetsova & Tymofyeyev 2011, "Brick tunnel randomization for unequal allocation to two or more
  treatment groups", Statistics in Medicine 30): after every subject each arm has its share of those who came, rounded
  up or down.

The order follows from salt, stratum and block alone, by Murmur3 and whole numbers: no generator whose stream another
release may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from math import gcd
from typing import Final, NamedTuple

from mmh3 import mmh3_32_uintdigest

from common.shares import FULL
from experiments.hashing import SEPARATOR, murmur3

LONGEST: Final = 1000
"""Subjects a block: tenths of a percent always fit."""

MOST_ASTRAY: Final = 2.0
"""An arm in a shuffled block is less than so many subjects from its share: for equal arms a gap of at most 2."""

_SIMPLE: Final = 12
_ROUNDED: Final = 7  # thousandths of a percent: 33.34 is a third; no tenth of a percent is so near another such ratio
_DRAWS: Final = 1 << 32
_PLACES: Final = [place.to_bytes(4, "little") for place in range(LONGEST)]

Draws = Iterator[int]
Graph = dict[int, dict[int, int]]


class Design(NamedTuple):
    """How blocks are made. `copies`: how often each arm stands in one; `tunnel`: drawn in the brick tunnel.

    `size`: subjects a block.
    """

    copies: tuple[int, ...]
    tunnel: bool
    size: int

    @property
    def shares(self) -> tuple[float, ...]:
        """Each arm's chance at every place."""
        return tuple(copies / self.size for copies in self.copies)

    @property
    def astray(self) -> float:
        """By how many subjects an arm's count may differ from its share of those who came; not reached in a tunnel."""
        return 1.0 if self.tunnel else _astray(self.copies)


def ratio_of(weights: Sequence[int]) -> tuple[int, ...]:
    """Return the smallest whole ratio of weights.

    Thirds cannot be written in decimals: weights that are a ratio of at most 12 parts but for their last written digit
    are that ratio (33.33, 33.33, 33.34 is 1 : 1 : 1). All others are taken as they stand.

    Args:
        weights: (n_arms,) thousandths of a percent, together 100 000.

    Raises:
        ValueError: they sum to another number, one is negative, or the ratio has more than `LONGEST` parts.
    """
    if sum(weights) != FULL or min(weights) < 0:
        raise ValueError("weights are not negative and sum to 100 %")
    for size in range(1, _SIMPLE + 1):
        parts = tuple(round(weight * size / FULL) for weight in weights)
        pairs = list(zip(parts, weights, strict=True))
        near = all(abs(part * FULL - weight * size) <= _ROUNDED * size for part, weight in pairs)
        if near and sum(parts) == size and all((part > 0) == (weight > 0) for part, weight in pairs):
            return parts
    divisor = gcd(*weights)
    if FULL // divisor > LONGEST:
        raise ValueError(f"this ratio needs blocks of {FULL // divisor}, allowed up to {LONGEST}: round it")
    return tuple(weight // divisor for weight in weights)


def design_of(ratio: Sequence[int], *, closed: bool, size: int | None = None) -> Design:
    """Return how blocks of a ratio are made.

    In a stream the ratio stands twice in a block where that keeps every arm within `MOST_ASTRAY`: the longer the block,
    the less the next variant can be guessed. A closed roster is ranked and needs no such guard: the smallest block,
    each arm less than 1 from its share.

    Args:
        ratio: (n_arms,) as `ratio_of` gives it.
        size: of a block, subjects; None for ours.

    Raises:
        ValueError: no block of that size holds the ratio or keeps every arm near its share.
    """
    allowed = sizes_of(ratio, closed=closed)
    if size is not None and size not in allowed:
        raise ValueError("a block of " + " or ".join(str(one) for one in allowed))
    times = (size or allowed[-1]) // sum(ratio)
    copies = tuple(part * times for part in ratio)
    return Design(copies, _astray(copies) >= (1.0 if closed else MOST_ASTRAY), sum(copies))


def sizes_of(ratio: Sequence[int], *, closed: bool) -> tuple[int, ...]:
    """Return the sizes that a block may have, smallest first."""
    smallest = sum(ratio)
    twice = not closed and 2 * smallest <= LONGEST and _astray([2 * part for part in ratio]) < MOST_ASTRAY
    return (smallest, 2 * smallest) if twice else (smallest,)


@lru_cache(maxsize=1 << 12)
def arrangement(design: Design, salt: int, stratum: str, block: int) -> tuple[int, ...]:
    """Return the arms of a block in their order: (size,) indexes of the ratio.

    Args:
        salt: for the variant.
        block: its number in the stratum, from 0.
    """
    seed = murmur3(f"{stratum}{SEPARATOR}{block}", salt)
    return _in_tunnel(design.copies, _draws(seed)) if design.tunnel else _shuffled(design.copies, seed)


def _astray(copies: Sequence[int]) -> float:
    """Return how far a shuffle may go: all of an arm stand first, m of them where m * m / size were due."""
    size = sum(copies)
    return max(m * (size - m) / size for m in copies)


def _draws(seed: int) -> Draws:
    """Return numbers in 0…2^32 - 1 that a block's seed decides, without end."""
    return (mmh3_32_uintdigest(n.to_bytes(4, "little"), seed) for n in count())


def _shuffled(copies: Sequence[int], seed: int) -> tuple[int, ...]:
    """Return each arm as often as it stands in a block, sorted by the first numbers drawn."""
    arms = [arm for arm, often in enumerate(copies) for _ in range(often)]
    lots = [mmh3_32_uintdigest(place, seed) for place in _PLACES[: len(arms)]]
    return tuple([arms[place] for place in sorted(range(len(arms)), key=lots.__getitem__)])


def _in_tunnel(copies: Sequence[int], draws: Draws) -> tuple[int, ...]:
    """Return each arm's j-th copy at a place where it is due: one of those that the j-th part of the block touches.

    Places and copies are the two sides of a graph whose edges hold the chance that this copy gets this place, in
    1/size. Dependent rounding (Gandhi, Khuller, Parthasarathy & Srinivasan 2006, Journal of the ACM 53, section 2)
    makes each 0 or 1 and keeps every chance: around a cycle it adds and takes by turns, up or down by lot, until one is
    settled.
    """
    size = sum(copies)
    graph, arm_of = _chances(copies)
    found = [0] * size
    for place in range(size):
        while edges := graph[place]:
            if len(edges) == 1:  # it holds all of the place and all of the copy
                (copy,) = edges
                found[place] = arm_of[copy]
                _settle(graph, place, copy, 0)
            else:
                _turn(graph, _cycle(graph, place), size, draws)
    return tuple(found)


def _chances(copies: Sequence[int]) -> tuple[Graph, dict[int, int]]:
    """Return the graph (places from 0 up, copies from -1 down), and whose each copy is."""
    size, copy = sum(copies), 0
    graph: Graph = {place: {} for place in range(size)}
    arm_of: dict[int, int] = {}
    for arm, often in enumerate(copies):
        for j in range(often):
            copy -= 1
            arm_of[copy], graph[copy] = arm, {}
            for place in range(j * size // often, -(-(j + 1) * size // often)):
                # The copy is due in [j, j + 1) * size / often, the place is [place, place + 1): what they share.
                chance = min((j + 1) * size, (place + 1) * often) - max(j * size, place * often)
                graph[copy][place] = graph[place][copy] = chance
    return graph, arm_of


def _cycle(graph: Graph, start: int) -> list[int]:
    """Return the corners of a cycle: from a corner with open edges there is always another way out."""
    path, at, came = [start], {start: 0}, None
    while True:
        here = path[-1]
        there = next(one for one in graph[here] if one != came)
        if there in at:
            return path[at[there] :]
        came, at[there] = here, len(path)
        path.append(there)


def _turn(graph: Graph, cycle: list[int], size: int, draws: Draws) -> None:
    """Add to every other edge of a cycle what is taken from those between, so that one at least is 0 or `size`."""
    edges = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
    chances = [graph[a][b] for a, b in edges]
    up = min([*(size - chance for chance in chances[::2]), *chances[1::2]])
    down = min([*chances[::2], *(size - chance for chance in chances[1::2])])
    step = up if next(draws) * (up + down) < down * _DRAWS else -down
    for number, ((a, b), chance) in enumerate(zip(edges, chances, strict=True)):
        _settle(graph, a, b, chance + (step if number % 2 == 0 else -step))


def _settle(graph: Graph, a: int, b: int, chance: int) -> None:
    """Write an edge's chance; an edge of 0 is gone."""
    if chance:
        graph[a][b] = graph[b][a] = chance
    else:
        del graph[a][b], graph[b][a]
