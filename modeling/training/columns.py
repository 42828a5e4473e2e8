"""A training set as columns: a million contexts are arrays, not objects. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import (
    AGE_GROUPS,
    KINDS,
    LEVELS,
    PHASES,
    REASONS,
    SEASONS,
    SPORTS,
    TIERS,
    USUAL_MINUTES,
    SessionContext,
    feature_names,
)
from modeling.training.labels import Labels

Array = NDArray[Any]

CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    "sport": SPORTS,
    "level": LEVELS,
    "tier": TIERS,
    "age_group": AGE_GROUPS,
    "season": SEASONS,
    "kind": KINDS,
    "phase": PHASES,
}
NUMBERS: Final = (
    "weekday",
    "minutes",
    "load",
    "key_session",
    "is_recovery",
    "week_number",
    "weeks_to_race",
    "load_ratio",
    "adherence_28d",
    "coach_share",
)
SOURCES: Final = ("athletes", "activities", "completions", "coaches", "overrides")
NEVER: Final = np.iinfo(np.int64).min
"""The newest row of a source that has none."""


@dataclass(frozen=True)
class TrainingSet:
    """Proposed sessions that a coach looked at, oldest decision first.

    as_of: what was known. athletes, coaches, plans, variants, algorithms: names that the codes of the columns of the
    same name in the singular point into; a coach, variant or algorithm of -1 is none.
    decision: which proposal, 0 upwards. session: ids. decided_us: when. day: of the session, since 1970.
    context: codes of `CATEGORIES` (-1: not known) and `NUMBERS`, NaN for what is None in a context.
    reasons: bits by index of `REASONS`. heuristic: (n, heuristics) whether each holds.
    sources: when the newest row that each feature was made of became available, `NEVER` where there was none.
    """

    as_of: datetime
    athletes: tuple[str, ...]
    coaches: tuple[str, ...]
    plans: tuple[str, ...]
    variants: tuple[str, ...]
    algorithms: tuple[str, ...]
    heuristics: tuple[str, ...]
    athlete: Array
    coach: Array
    plan: Array
    variant: Array
    algorithm: Array
    version_number: Array
    decision: Array
    session: Any
    decided_us: Array
    day: Array
    context: dict[str, Array]
    reasons: Array
    heuristic: Array
    sources: dict[str, Array]
    labels: Labels

    def __len__(self) -> int:
        return len(self.athlete)

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the columns of `encode`."""
        return feature_names(self.heuristics)

    def take(self, rows: Array) -> TrainingSet:
        """Return some rows, given as indices or as one truth a row; names stay."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in _COLUMNS:
            values[name] = values[name][index]
        values["session"] = self.session.take(_arrow(index))
        values["context"] = {name: column[index] for name, column in self.context.items()}
        values["sources"] = {name: column[index] for name, column in self.sources.items()}
        values["labels"] = self.labels.take(index)
        return TrainingSet(**values)

    def known_by(self, moment_us: int) -> TrainingSet:
        """Return the rows whose coach had decided by a moment, with the labels that were known then."""
        kept = self.take(self.labels.coach_us <= moment_us)
        values: dict[str, Any] = {one.name: getattr(kept, one.name) for one in fields(kept)}
        return TrainingSet(**(values | {"labels": kept.labels.known_by(moment_us)}))

    def has(self, reason: str) -> Array:
        """Return whether each session's week before had a reason."""
        found: Array = (self.reasons >> REASONS.index(reason)) & 1 == 1
        return found

    def contexts(self) -> Iterator[SessionContext]:
        """Return the contexts as objects, for a few rows at a time."""
        for row in range(len(self)):
            yield self._context(row)

    def encode(self) -> NDArray[np.float64]:
        """Return what `modeling.learned.context.encode` returns for the contexts, (n, len(features)), without them."""
        names = {name: index for index, name in enumerate(self.features)}
        matrix = np.zeros((len(self), len(names)))
        rows = np.arange(len(self))
        for field, prefix in _ONE_HOT.items():
            codes = self.context[field].astype(np.int64)
            known = codes >= 0
            first = names[f"{prefix} {0 if field == 'weekday' else CATEGORIES[field][0]}"]
            matrix[rows[known], first + codes[known]] = 1.0
        kinds = self.context["kind"]
        for reason in REASONS:
            holds = self.has(reason)
            matrix[:, names[f"after {reason}"]] = holds
            of_kind = holds & (kinds >= 0)
            first = names[f"{KINDS[0]} after {reason}"]
            matrix[rows[of_kind], first + kinds[of_kind].astype(np.int64) * len(REASONS)] = 1.0
        for name, column in self._numbers().items():
            matrix[:, names[name]] = column
        for index, name in enumerate(self.heuristics):
            matrix[:, names[f"heuristic {name}"]] = self.heuristic[:, index]
        return matrix

    def digest(self) -> str:
        """Return the SHA-256 over every name and value, hex: what a run says that it learned from."""
        total = hashlib.sha256()
        for one in fields(self):
            _feed(total, one.name, getattr(self, one.name))
        return total.hexdigest()

    def _numbers(self) -> dict[str, Array]:
        of = self.context
        adherence, share = of["adherence_28d"], of["coach_share"]
        return {
            "minutes (log of usual)": np.log(np.maximum(of["minutes"], 5.0) / USUAL_MINUTES),
            "key session": of["key_session"],
            "recovery week": of["is_recovery"],
            "weeks in (log)": np.log1p(np.maximum(of["week_number"] - 1, 0)),
            "weeks to race (log)": np.log1p(np.maximum(of["weeks_to_race"], 0)),
            "load ratio (log)": np.log(np.clip(of["load_ratio"], 0.2, 5.0)),
            "adherence": np.where(np.isnan(adherence), 0.0, adherence - 0.8),
            "adherence unknown": np.isnan(adherence),
            "coach's share": np.where(np.isnan(share), 0.0, share),
            "coach unknown": np.isnan(share),
        }

    def _context(self, row: int) -> SessionContext:
        of = {name: column[row] for name, column in self.context.items()}
        words = {name: known[of[name]] if of[name] >= 0 else "" for name, known in CATEGORIES.items()}
        return SessionContext(
            **words,
            weekday=int(of["weekday"]),
            minutes=float(of["minutes"]),
            load=float(of["load"]),
            key_session=bool(of["key_session"]),
            is_recovery=bool(of["is_recovery"]),
            week_number=int(of["week_number"]),
            weeks_to_race=int(of["weeks_to_race"]),
            load_ratio=float(of["load_ratio"]),
            adherence_28d=_number(of["adherence_28d"]),
            coach_share=_number(of["coach_share"]),
            reasons_before=frozenset(name for at, name in enumerate(REASONS) if self.reasons[row] >> at & 1),
            heuristics=frozenset(name for at, name in enumerate(self.heuristics) if self.heuristic[row, at]),
            variant=self.variants[self.variant[row]] if self.variant[row] >= 0 else "",
        )


_COLUMNS: Final = (
    "athlete",
    "coach",
    "plan",
    "variant",
    "algorithm",
    "version_number",
    "decision",
    "decided_us",
    "day",
    "reasons",
    "heuristic",
)
_ONE_HOT: Final = {
    "sport": "sport",
    "level": "level",
    "tier": "tier",
    "age_group": "age",
    "season": "season",
    "kind": "kind",
    "phase": "phase",
    "weekday": "weekday",
}


def pick(names: Sequence[str], codes: Array) -> Array:
    """Return the names of codes, "" for -1."""
    return np.array([*names, ""], dtype=object)[codes]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _arrow(index: Array) -> Any:
    import pyarrow as pa

    return pa.array(index)


def _feed(total: Any, name: str, value: Any) -> None:
    total.update(f"{name}\0".encode())
    if isinstance(value, np.ndarray):
        total.update(f"{value.dtype.str}{value.shape}".encode())
        total.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Labels):
        for one in fields(value):
            _feed(total, one.name, getattr(value, one.name))
    elif isinstance(value, dict):
        for key in sorted(value):
            _feed(total, key, value[key])
    elif isinstance(value, tuple):
        total.update("\0".join(value).encode())
    elif isinstance(value, datetime):
        # The moment itself is no part of the data: the same rows are the same set a day later.
        total.update(b"")
    else:
        total.update("\0".join(value.to_pylist()).encode())


def moment_us(moment: datetime) -> int:
    """Return microseconds since 1970.

    Raises:
        ValueError: a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds
