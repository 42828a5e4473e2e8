"""Point-in-time features: what was known when the machine proposed a session that a coach then looked at. Pure.

A coach's silence says something only where the coach looked: rows are the sessions of proposals with a submission.
Sources: Kaufman et al. 2012 (leakage in data mining); Kleppmann 2017, ch. 11 (joins as of a time).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import AGE_GROUPS, REASONS
from modeling.training.columns import CATEGORIES, NEVER, SOURCES, TrainingSet, moment_us
from modeling.training.labels import labels_of
from modeling.training.queries import DECISIONS, PREPARATION, SESSIONS

__all__ = ["TrainingSet", "leak_check", "training_set"]

Array = NDArray[Any]


class Connectable(Protocol):
    """What is asked of the store."""

    def connect(self, *, as_of: datetime) -> Any: ...


class Condition(Protocol):
    """A heuristic's condition, as data (`modeling.learned.heuristics`)."""

    @property
    def name(self) -> str: ...

    @property
    def condition(self) -> Mapping[str, Any]: ...


def training_set(store: Connectable, *, as_of: datetime, heuristics: Sequence[Condition] = ()) -> TrainingSet:
    """Return every proposed session that a coach had looked at by a moment, in its context and with its labels.

    Rest days, races and sessions before the day of the decision are left out. Of several submissions of one proposal
    the last known one counts.

    Raises:
        DamagedStore: as the store does.
        ValueError: a moment without a time zone.
    """
    until = moment_us(as_of)
    connection = store.connect(as_of=as_of)
    try:
        for statements in PREPARATION:
            connection.execute(statements)
        decisions = connection.sql(DECISIONS).to_arrow_table()
        sessions = connection.sql(SESSIONS).to_arrow_table()
    finally:
        connection.close()
    made = _assembled(decisions, sessions, as_of, until)
    if not heuristics:
        return made
    holds = np.stack([holds_in(made, one.condition) for one in heuristics], axis=1)
    values = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return TrainingSet(**(values | {"heuristics": tuple(one.name for one in heuristics), "heuristic": holds}))


def leak_check(training: TrainingSet) -> list[str]:
    """Return what is wrong with a training set's times, in words; nothing where no feature knew the future."""
    wrong = []
    for name, newest in training.sources.items():
        late = int(np.sum(newest > training.decided_us))
        if late:
            wrong.append(f"{late} sessions have features from {name} that became available after the decision")
    early = int(np.sum(training.labels.coach_us < training.decided_us))
    if early:
        wrong.append(f"{early} sessions were decided by the coach before they were proposed")
    for name, known in (("completed", "completed_us"), ("adherence", "adherence_us"), ("change_percent", "change_us")):
        has = ~np.isnan(getattr(training.labels, name))
        immature = int(np.sum(has & (getattr(training.labels, known) > moment_us(training.as_of))))
        if immature:
            wrong.append(f"{immature} labels {name} were not mature")
    return wrong


def holds_in(training: TrainingSet, condition: Mapping[str, Any]) -> Array:
    """Return whether a condition holds for each row; what is not known meets no bound."""
    holds = np.ones(len(training), dtype=np.bool_)
    for field, wanted in condition.items():
        if field == "reasons_before":
            mask = sum(1 << REASONS.index(name) for name in wanted)
            holds &= (training.reasons & mask) != 0
        elif isinstance(wanted, Mapping):
            values = training.context[field].astype(np.float64)
            holds &= ~np.isnan(values) & (values >= wanted.get("at_least", -np.inf))
            holds &= values < wanted.get("below", np.inf)
        elif field in CATEGORIES:
            holds &= np.isin(training.context[field], [CATEGORIES[field].index(name) for name in wanted])
        else:
            holds &= np.isin(training.context[field], [int(value) for value in wanted])
    return holds


def _assembled(decisions: Any, sessions: Any, as_of: datetime, until: int) -> TrainingSet:
    names: dict[str, Any] = {}
    codes: dict[str, Any] = {}
    at = sessions.column("decision").combine_chunks()
    for column, plural, values in (
        ("athlete", "athletes", decisions.column("athlete")),
        ("coach", "coaches", decisions.column("coach")),
        ("plan", "plans", decisions.column("plan")),
        ("variant", "variants", _arms(decisions)),
        ("algorithm", "algorithms", decisions.column("algorithm_version")),
    ):
        code, names[plural] = _coded(values)
        codes[column] = code[at.to_numpy()]
    rows = sessions
    for name in _OF_DECISIONS:
        rows = rows.append_column(name, decisions.column(name).take(at))
    profile = {name: _codes(decisions, name)[at.to_numpy()] for name in ("sport", "level", "tier")}
    return TrainingSet(
        as_of=as_of,
        **names,
        heuristics=(),
        **codes,
        version_number=_whole(rows, "version_number", np.int32),
        decision=_whole(rows, "decision", np.int32),
        session=rows.column("session").combine_chunks(),
        decided_us=_whole(rows, "decided_us", np.int64),
        day=_whole(rows, "day", np.int32),
        context=profile | _context(rows),
        reasons=_whole(rows, "reasons", np.int16),
        heuristic=np.zeros((rows.num_rows, 0), dtype=np.bool_),
        sources={name: _whole(rows, f"{name}_us", np.int64, NEVER) for name in SOURCES},
        labels=labels_of(rows, until),
    )


_OF_DECISIONS = (
    "version_number",
    "decided_us",
    "submitted_us",
    "decided_day",
    "athletes_us",
    "birth_year",
    "activities_us",
    "short_milli",
    "long_milli",
    "before_due",
    "before_halves",
    "completions_us",
    "coach_share",
    "coaches_us",
    "following_due",
    "following_halves",
    "change_percent",
)


def _context(rows: Any) -> dict[str, Array]:
    day = _whole(rows, "day", np.int64)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    found: dict[str, Array] = {
        "age_group": _age_groups(rows),
        "season": (month % 12 // 3).astype(np.int8),
        "weekday": ((day + 3) % 7).astype(np.int8),
        "load_ratio": _load_ratio(rows),
        "adherence_28d": _floats(rows, "before_halves") / 2 / _floats(rows, "before_due"),
        "coach_share": _floats(rows, "coach_share"),
    }
    for name in ("kind", "phase"):
        found[name] = _codes(rows, name)
    for name in ("key_session", "is_recovery"):
        found[name] = rows.column(name).to_numpy().astype(np.bool_)
    for name in ("minutes", "load"):
        found[name] = _floats(rows, name)
    for name in ("week_number", "weeks_to_race"):
        found[name] = _whole(rows, name, np.int32)
    return found


def _age_groups(rows: Any) -> Array:
    """Return codes of `AGE_GROUPS` on the day of the decision, as `context.age_group` has them."""
    decided = _whole(rows, "decided_day", np.int64).astype("datetime64[D]")
    age = decided.astype("datetime64[Y]").astype(np.int64) + 1970 - _floats(rows, "birth_year")
    bounds = np.array([23.0, 35.0, 45.0, 55.0])
    group = 1 + np.searchsorted(bounds, np.nan_to_num(age), side="right")
    assert len(AGE_GROUPS) == len(bounds) + 2
    return np.where(np.isnan(age), 0, group).astype(np.int8)


def _load_ratio(rows: Any) -> Array:
    short, long = _floats(rows, "short_milli"), _floats(rows, "long_milli")
    has = long > 0
    ratio: Array = np.where(has, (short / 7) / (np.where(has, long, 1.0) / 28), 1.0)
    return ratio


def _arms(rows: Any) -> Any:
    """Return experiment and arm, null where no experiment chose."""
    import pyarrow.compute as pc

    arm = rows.column("variant")
    named = pc.binary_join_element_wise(rows.column("experiment"), arm, ":")
    return pc.if_else(pc.equal(pc.fill_null(arm, ""), ""), None, named)


def _coded(column: Any) -> tuple[Array, tuple[str, ...]]:
    """Return codes and names, sorted; -1 for null."""
    import pyarrow.compute as pc

    names = pc.unique(column.combine_chunks()).drop_null().sort()
    codes = pc.index_in(column, value_set=names).fill_null(-1)
    return codes.to_numpy().astype(np.int32), tuple(names.to_pylist())


def _codes(rows: Any, name: str) -> Array:
    """Return codes of `CATEGORIES`, -1 for what is not known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    index = pc.index_in(rows.column(name), value_set=pa.array(CATEGORIES[name])).fill_null(-1)
    found: Array = index.to_numpy().astype(np.int8)
    return found


def _whole(rows: Any, name: str, kind: Any, missing: int = 0) -> Array:
    column = rows.column(name).combine_chunks()
    array: Array = column.fill_null(missing).to_numpy(zero_copy_only=False).astype(kind)
    return array


def _floats(rows: Any, name: str) -> Array:
    import pyarrow as pa

    array: Array = rows.column(name).cast(pa.float64()).to_numpy()
    return array
