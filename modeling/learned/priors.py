"""Learned priors, as fits use them: the athlete's group, else the sport, else the published ones.

    {"groups": [{"sport": …, "level": …, "age_group": …, "source": "learned", "mean": [4], "sd": [4], "tau1": [days,
                 log sd], "tau2": […], "noise": factor, "drift": factor, "n": …, "effective_n": …, …}, …],
     "pooled": [{"sport": …, …}, …], …}

`source` says whose numbers are used: "learned" (the row's own), "pooled" (the sport's) or "published".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.learned.algorithm import DamagedDocument
from modeling.learned.context import AGE_GROUPS, LEVELS, SPORTS

LEARNED: Final = "learned"
POOLED: Final = "pooled"
PUBLISHED: Final = "published"
FACTOR: Final = 10.0
"""Numbers further than this factor from the published ones are damage, not learning."""


@dataclass(frozen=True)
class LearnedPriors:
    """Priors by group and by sport; what is in neither table is published.

    A group that keeps the published priors although its sport has learned ones is in `groups` with the published ones.
    """

    groups: Mapping[tuple[str, str, str], Priors]
    pooled: Mapping[str, Priors]

    def priors_for(self, *, sport: str, level: str, age_group: str) -> Priors:
        """Return the group's priors, else the sport's, else the published ones; the name says which."""
        own = self.groups.get((sport, level, age_group))
        return own or self.pooled.get(sport, DEFAULT_PRIORS)


def read_priors(part: Mapping[str, Any], *, version: str = "") -> LearnedPriors:
    """Return the table of a document's part "priors".

    Args:
        version: of the model, for the names.

    Raises:
        DamagedDocument: a member that is missing, a name that is unknown, or a number that cannot be.
    """
    label = f"version {version}: " if version else ""
    pooled: dict[str, Priors] = {}
    groups: dict[tuple[str, str, str], Priors] = {}
    for index, row in enumerate(_rows(part, "pooled")):
        where = f"priors.pooled[{index}]"
        sport = _name(row, "sport", SPORTS, where)
        if _source(row, where) == LEARNED:
            pooled[sport] = _priors(row, f"{label}{sport}", where)
    for index, row in enumerate(_rows(part, "groups")):
        where = f"priors.groups[{index}]"
        sport = _name(row, "sport", SPORTS, where)
        key = (sport, _name(row, "level", LEVELS, where), _name(row, "age_group", AGE_GROUPS, where))
        source = _source(row, where)
        if source == LEARNED:
            groups[key] = _priors(row, f"{label}{', '.join(key)}", where)
        elif source == PUBLISHED:
            groups[key] = DEFAULT_PRIORS
        elif sport not in pooled:
            raise DamagedDocument(f"{where} takes the sport's priors, which are not there")
    return LearnedPriors(groups, pooled)


def _rows(part: Mapping[str, Any], member: str) -> Sequence[Mapping[str, Any]]:
    rows = part.get(member) if isinstance(part, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise DamagedDocument(f"priors.{member} is no list of objects")
    return rows


def _name(row: Mapping[str, Any], member: str, known: Sequence[str], where: str) -> str:
    value = row.get(member)
    if value not in known:
        raise DamagedDocument(f"{where}.{member} is {value!r}; known are {', '.join(known)}")
    return str(value)


def _source(row: Mapping[str, Any], where: str) -> str:
    return _name(row, "source", (LEARNED, POOLED, PUBLISHED), where)


def _priors(row: Mapping[str, Any], name: str, where: str) -> Priors:
    mean, sd = _numbers(row, "mean", 4, where), _numbers(row, "sd", 4, where)
    tau1, tau2 = _numbers(row, "tau1", 2, where), _numbers(row, "tau2", 2, where)
    factors = _number(row.get("noise"), f"{where}.noise"), _number(row.get("drift"), f"{where}.drift")
    of = DEFAULT_PRIORS
    sized = [
        *zip(sd, of.sd, strict=True),
        (tau1[0], of.tau1_days), (tau1[1], of.tau1_log_sd), (tau2[0], of.tau2_days), (tau2[1], of.tau2_log_sd),
        (factors[0], 1.0), (factors[1], 1.0),
    ]  # fmt: skip
    for value, usual in sized:
        if not usual / FACTOR <= value <= usual * FACTOR:
            raise DamagedDocument(f"{where}: {value:g} is not possible where {usual:g} is usual")
    if max(abs(value) for value in mean) > FACTOR:
        raise DamagedDocument(f"{where}.mean: shares of performance are near 1, these are {mean}")
    return replace(
        of,
        name=name,
        mean=(mean[0], mean[1], mean[2], mean[3]),
        sd=(sd[0], sd[1], sd[2], sd[3]),
        tau1_days=tau1[0],
        tau1_log_sd=tau1[1],
        tau2_days=tau2[0],
        tau2_log_sd=tau2[1],
        drift_sd=tuple(factors[1] * one for one in of.drift_sd),
        noise={kind: factors[0] * one for kind, one in of.noise.items()},
    )


def _numbers(row: Mapping[str, Any], member: str, count: int, where: str) -> list[float]:
    values = row.get(member)
    if not isinstance(values, list) or len(values) != count:
        raise DamagedDocument(f"{where}.{member} is no list of {count} numbers")
    return [_number(value, f"{where}.{member}") for value in values]


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DamagedDocument(f"{where}: {value!r} is no number")
    return float(value)
