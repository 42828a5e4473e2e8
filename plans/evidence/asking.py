"""What the page of overrides is asked for, and the clusters that answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from modeling.learned.context import KINDS, LEVELS, REASONS, SPORTS
from modeling.training.clusters import ALWAYS, Cluster, bands, clusters, effect_of
from modeling.training.exposed import CHANGES, Exposures, holds
from plans.document.patch import REASONS as REASON_WORDS
from plans.evidence.words import CHANGES as CHANGE_WORDS

SPANS: Final = {"13": "13 weeks", "52": "52 weeks", "": "All"}
MOST: Final = 60
SORTS: Final = {
    "": "Most cases",
    "share": "Share",
    "lift": "Against elsewhere",
    "adherence": "Adherence after",
    "performance": "Performance after",
}
_FILTERS: Final[dict[str, tuple[str, ...]]] = {
    "sport": SPORTS,
    "level": LEVELS,
    "change": CHANGES,
    "kind": KINDS,
    "reason": REASONS,
    "weeks": tuple(SPANS),
    "sort": tuple(SORTS),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Filters by name; one that made no sense is left out, and said."""

    given: Mapping[str, str]
    is_wrong: bool = False

    def one(self, name: str) -> str:
        return self.given.get(name, "")

    def address(self, **changed: str) -> str:
        """Return the query that asks for the same, but for what is changed."""
        return "?" + urlencode({name: value for name, value in {**self.given, **changed}.items() if value})

    def choices(self) -> list[dict[str, Any]]:
        """Return the filters that are lists, with what is chosen."""
        words = {**CHANGE_WORDS, **REASON_WORDS}
        labels = {"sport": "Sport", "level": "Level", "change": "Adjustment", "kind": "Session", "reason": "Reason"}
        return [
            {
                "name": name,
                "label": label,
                "options": [
                    (value, words.get(value, value.replace("_", " ").capitalize()), value == self.one(name))
                    for value in _FILTERS[name]
                ],
            }
            for name, label in labels.items()
        ]


def asked_of(given: Mapping[str, str]) -> Asked:
    """Read an address."""
    kept = {name: given[name] for name in _FILTERS if given.get(name)}
    known = {name: value for name, value in kept.items() if value in _FILTERS[name]}
    return Asked(known, is_wrong=known != kept)


def narrowed(of: Exposures, asked: Asked) -> Exposures:
    """Return the sessions that are asked for; those changed for another reason than the one asked for are left out."""
    sessions, reviews = of.sessions, of.reviews
    wanted = np.ones(len(sessions.review), dtype=bool)
    for name, names in (("sport", SPORTS), ("level", LEVELS)):
        if asked.one(name):
            wanted &= (getattr(reviews, name) == names.index(asked.one(name)))[sessions.review]
    if asked.one("weeks") and len(reviews.day):
        wanted &= (reviews.day > reviews.day.max() - 7 * int(asked.one("weeks")))[sessions.review]
    if asked.one("kind"):
        wanted &= sessions.kind == KINDS.index(asked.one("kind"))
    if asked.one("reason"):
        wanted &= (sessions.changes == 0) | (sessions.reason == REASONS.index(asked.one("reason")))
    return of.of(wanted)


def found_of(of: Exposures, asked: Asked, *, least: int) -> tuple[list[Cluster], int, int]:
    """Return the clusters that are shown, how many there are, and how many of few athletes are hidden.

    How it went is worked out for those alone that are shown, unless it decides which.
    """
    by = asked.one("sort")
    needs_effects = by in ("adherence", "performance")
    found, hidden = clusters(narrowed(of, asked), least_people=least, effects=needs_effects)
    chosen = [one for one in found if asked.one("change") in ("", one.change)]
    chosen.sort(key=lambda one: _rank(one, by))
    shown = chosen[:MOST]
    if not needs_effects:
        shown = [with_effects(narrowed(of, asked), one) for one in shown]
    return shown, len(chosen), hidden


def _rank(cluster: Cluster, by: str) -> tuple[float, str]:
    value: float | None = None
    match by:
        case "share":
            value = cluster.share.value
        case "lift":
            value = cluster.lift
        case "adherence":
            value = cluster.adherence.value
        case "performance":
            value = cluster.performance.value
        case _:
            value = float(cluster.overridden)
    return (-value if value is not None else np.inf, cluster.key)


def with_effects(of: Exposures, cluster: Cluster) -> Cluster:
    """Return a cluster with how it went."""
    cell, made = masks_of(of, cluster)
    return replace(
        cluster,
        adherence=effect_of(of, cell, made, of.reviews.adherence),
        performance=effect_of(of, cell, made, of.reviews.improvement),
    )


def masks_of(of: Exposures, cluster: Cluster) -> tuple[Any, Any]:
    """Return which sessions are in a cluster's context, and which of them were changed so."""
    inside = of.sessions.kind == KINDS.index(cluster.kind)
    if (cluster.field, cluster.value) != ALWAYS:
        inside &= holds(of, cluster.field, cluster.value)
    made = next(mask for change, band, mask in bands(of) if (change, band) == (cluster.change, cluster.band))
    return inside, inside & made


def cluster_named(of: Exposures, asked: Asked, key: str, *, least: int) -> Cluster | None:
    """Return a cluster by its key, with how it went; None where there is none or it is hidden."""
    found, _ = clusters(narrowed(of, asked), least_people=least, effects=False)
    cluster = next((one for one in found if one.key == key), None)
    return with_effects(narrowed(of, asked), cluster) if cluster else None
