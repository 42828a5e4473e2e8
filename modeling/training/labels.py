"""What became of a proposed session: what the coach did, whether it was done, what followed. Pure.

Each label has the moment at which it is known (`known_us`); what was not mature at `as_of` is not there (NaN, -1). A
session is mature three days after its day, the adherence of the following four weeks 31 days after the decision, the
next test 59 days after it, however early it came: whoever tests early is not whoever tests late.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import KINDS
from modeling.training.queries import ADHERENCE_DAYS, DAY_US, GRACE_DAYS, PERFORMANCE_DAYS

Array = NDArray[Any]

ADJUSTMENTS: Final = ("volume", "swap", "move", "rest")
"""What is learned of what coaches do; changes of intensity alone and added sessions are not."""


@dataclass(frozen=True)
class Labels:
    """Labels as columns, one entry a session.

    volume, swap, move, rest: the coach did so; several may be true. kept: nothing of the session was changed at all.
    volume_factor: minutes after over before, NaN unless the volume changed. swap_to: index of `KINDS`, -1 unless
    swapped. day_shift: days later, 0 unless moved.
    completed: 1 done, 0.5 partly, 0 not; NaN where the coach changed the session, it was not due, or it is too early.
    adherence: share done of the sessions due in the four weeks from the decision. change_percent: next test within
    eight weeks over the last one before.
    …_us: when known, microseconds since 1970.
    """

    volume: Array
    swap: Array
    move: Array
    rest: Array
    kept: Array
    volume_factor: Array
    swap_to: Array
    day_shift: Array
    coach_us: Array
    completed: Array
    completed_us: Array
    adherence: Array
    adherence_us: Array
    change_percent: Array
    change_us: Array

    def take(self, rows: Array) -> Labels:
        """Return the labels of some rows."""
        return Labels(**{one.name: getattr(self, one.name)[rows] for one in fields(self)})

    def known_by(self, moment_us: int) -> Labels:
        """Return the labels without those that were not known at a moment; what the coach did is a matter of rows."""
        return replace(
            self,
            completed=np.where(self.completed_us <= moment_us, self.completed, np.nan),
            adherence=np.where(self.adherence_us <= moment_us, self.adherence, np.nan),
            change_percent=np.where(self.change_us <= moment_us, self.change_percent, np.nan),
        )


def labels_of(rows: Any, as_of_us: int) -> Labels:
    """Return the labels of the joined rows (`features.training_set`), those that are mature at `as_of_us`."""
    import pyarrow.compute as pc

    def flag(name: str) -> Array:
        return _numbers(rows, name, 0).astype(np.bool_)

    decided_day, changed = _numbers(rows, "decided_day", 0), flag("changed")
    swap, move, volume = flag("swap"), flag("move"), flag("volume")
    swapped = pc.index_in(rows.column("to_kind"), value_set=_array(KINDS)).fill_null(-1)
    labels = Labels(
        volume=volume,
        swap=swap,
        move=move,
        rest=flag("rest"),
        kept=~changed,
        volume_factor=np.where(volume, _numbers(rows, "volume_factor", np.nan), np.nan),
        swap_to=np.where(swap, swapped.to_numpy(), -1).astype(np.int8),
        day_shift=np.where(move, _numbers(rows, "day_shift", 0), 0).astype(np.int16),
        coach_us=np.maximum(_numbers(rows, "submitted_us", 0), _numbers(rows, "acted_us", 0)).astype(np.int64),
        completed=np.where(changed, np.nan, _numbers(rows, "reported_half", np.nan) / 2),
        completed_us=(_numbers(rows, "day", 0).astype(np.int64) + 1 + GRACE_DAYS) * DAY_US,
        adherence=_numbers(rows, "following_halves", np.nan) / 2 / _numbers(rows, "following_due", np.nan),
        adherence_us=(decided_day.astype(np.int64) + ADHERENCE_DAYS + GRACE_DAYS) * DAY_US,
        change_percent=_numbers(rows, "change_percent", np.nan),
        change_us=(decided_day.astype(np.int64) + PERFORMANCE_DAYS + GRACE_DAYS) * DAY_US,
    )
    return labels.known_by(as_of_us)


def _numbers(rows: Any, name: str, missing: float) -> Array:
    """Return a column as numbers, of floats where NaN stands for what is missing."""
    import pyarrow as pa

    column = rows.column(name).combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_decimal(column.type) or np.isnan(missing):
        column = column.cast(pa.float64())
    array: Array = column.fill_null(missing).to_numpy(zero_copy_only=False)
    return array


def _array(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(values)
