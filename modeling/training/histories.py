"""The feature store's loads and tests as the fit wants them, an athlete each. Pure.

The same rules as `modeling.selectors.fit_inputs`: the athlete's own sport and "other", TSS if any load is in TSS, days
from the first to the last record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from modeling.core.series import GAP_DAYS, KINDS, MAX_DAILY_LOAD, LoadSeries, PerformanceTest, TestKindName, known_days
from modeling.learned.context import age_group

if TYPE_CHECKING:
    import pyarrow

Vector = NDArray[np.float64]
Whole = NDArray[np.int64]

EPOCH: Final = date(1970, 1, 1)
OWN: Final = "other"
"""What is neither a run nor a ride counts for the athlete's own sport."""


class Store(Protocol):
    """What is read of `modeling.training.store.FeatureStore`."""

    def table(self, name: str, *, as_of: datetime) -> pyarrow.Table:
        """Return the rows of a table that were known at a moment."""
        ...


@dataclass(frozen=True)
class History:
    """One athlete as known at a moment: profile, loads a day, tests by day."""

    athlete: str
    sport: str
    level: str
    tier: str
    age_group: str
    series: LoadSeries
    tests: tuple[PerformanceTest, ...]

    @property
    def group(self) -> tuple[str, str, str]:
        """Return sport, level and age group: whose priors the athlete gets."""
        return self.sport, self.level, self.age_group


def share_of(token: str, salt: str = "") -> float:
    """Return a number in [0, 1) that depends on the token alone: who is held out stays held out."""
    return int.from_bytes(sha256(f"{salt}:{token}".encode()).digest()[:8], "big") / 2.0**64


def sampled(histories: Sequence[History], most: int, salt: str) -> list[History]:
    """Return at most so many athletes, by the hash of their tokens; the order is that of the tokens."""
    kept = sorted(histories, key=lambda one: share_of(one.athlete, salt))[:most]
    return sorted(kept, key=lambda one: one.athlete)


def histories(store: Store, *, as_of: datetime, least_tests: int = 1) -> list[History]:
    """Return everybody who has loads and at least so many tests, by token.

    Days or values that no fit takes (a load above 2,000 a day, a test that is not positive) stay out.
    """
    profiles = _profiles(store.table("athletes", as_of=as_of))
    tests = _tests(store.table("tests", as_of=as_of))
    wanted = {token for token, rows in tests.items() if len(rows) >= least_tests and token in profiles}
    found = []
    for token, rows in _activities(store.table("activities", as_of=as_of), wanted):
        profile = profiles[token]
        series = _series(rows, profile["sport"], tests[token])
        if series is not None:
            born = profile["birth_year"]
            group = age_group(int(born) if born is not None else None, as_of.date())
            found.append(
                History(token, profile["sport"], profile["level"], profile["tier"], group, series, tests[token])
            )
    return sorted(found, key=lambda one: one.athlete)


def _profiles(table: pyarrow.Table) -> dict[str, dict[str, Any]]:
    """Return each athlete's newest profile."""
    ordered = table.sort_by([("available_at", "ascending"), ("event_at", "ascending")])
    names = ("sport", "level", "tier", "birth_year")
    columns = [ordered.column(name).to_pylist() for name in ("athlete", *names)]
    return {token: dict(zip(names, values, strict=True)) for token, *values in zip(*columns, strict=True)}


def _tests(table: pyarrow.Table) -> dict[str, tuple[PerformanceTest, ...]]:
    found: dict[str, list[PerformanceTest]] = {}
    ordered = table.sort_by([("athlete", "ascending"), ("day", "ascending"), ("test", "ascending")])
    columns = [ordered.column(name).to_pylist() for name in ("athlete", "day", "value", "kind")]
    for token, day, value, kind in zip(*columns, strict=True):
        if kind in KINDS and value > 0 and np.isfinite(value):
            found.setdefault(token, []).append(PerformanceTest(day, float(value), cast(TestKindName, kind)))
    return {token: tuple(rows) for token, rows in found.items()}


@dataclass(frozen=True)
class _Rows:
    """One athlete's activities: days since 1970, loads, codes of sport and unit with their names."""

    days: Whole
    loads: Vector
    sports: Whole
    units: Whole
    sport_names: list[str]
    unit_names: list[str]


def _activities(table: pyarrow.Table, wanted: set[str]) -> list[tuple[str, _Rows]]:
    """Return the rows by athlete; a million rows stay columns."""
    import pyarrow as pa

    def coded(name: str) -> tuple[Whole, list[str]]:
        column = table.column(name).combine_chunks().dictionary_encode()
        return np.asarray(column.indices, dtype=np.int64), column.dictionary.to_pylist()

    if not table.num_rows or not wanted:
        return []
    athletes, tokens = coded("athlete")
    sports, sport_names = coded("sport")
    units, unit_names = coded("load_unit")
    days = np.asarray(table.column("day").cast(pa.int32()), dtype=np.int64)
    loads = np.asarray(table.column("load"), dtype=np.float64)
    order = np.lexsort((days, athletes))
    bounds = np.searchsorted(athletes[order], np.arange(len(tokens) + 1))
    found = []
    for code, token in enumerate(tokens):
        if token in wanted:
            mine = order[bounds[code] : bounds[code + 1]]
            found.append((token, _Rows(days[mine], loads[mine], sports[mine], units[mine], sport_names, unit_names)))
    return found


def _series(rows: _Rows, sport: str, tests: tuple[PerformanceTest, ...]) -> LoadSeries | None:
    """Return the daily loads that count, None where there are none or where no fit would take them."""
    counted = np.isin(rows.sports, [i for i, name in enumerate(rows.sport_names) if name in (sport, OWN)])
    if not counted.any():
        return None
    units = Counter(rows.unit_names[code] for code in rows.units[counted].tolist())
    unit = "TSS" if "TSS" in units else min(units, key=lambda name: (-units[name], name))
    counted &= rows.units == rows.unit_names.index(unit)
    days, loads = rows.days[counted], rows.loads[counted]
    tested = [(test.day - EPOCH).days for test in tests]
    first, last = min(int(days.min()), min(tested)), max(int(days.max()), max(tested))
    daily = np.bincount(days - first, weights=loads, minlength=last - first + 1).astype(np.float64)
    if not daily.any() or not np.isfinite(daily).all() or daily.min() < 0 or daily.max() > MAX_DAILY_LOAD:
        return None
    known = known_days(np.unique(days - first), len(daily), GAP_DAYS)
    return LoadSeries(EPOCH + timedelta(days=first), daily, known, unit)
