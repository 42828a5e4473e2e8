"""Which thresholds held on which day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date

from accounts.models import Athlete
from modeling.core.loads import Thresholds
from modeling.models import Threshold


class DatedThresholds:
    """An athlete's thresholds by sport, looked up by day."""

    def __init__(self, athlete: Athlete, rows: Iterable[Threshold]) -> None:
        self._resting_hr = athlete.resting_heart_rate
        self._by_sport: dict[str, list[Threshold]] = {}
        for row in sorted(rows, key=lambda row: row.valid_from):
            self._by_sport.setdefault(row.sport, []).append(row)

    @classmethod
    def of(cls, athlete: Athlete) -> DatedThresholds:
        return cls(athlete, Threshold.objects.filter(athlete=athlete, deleted_at=None))

    def on(self, sport: str, day: date) -> Thresholds:
        """Return what was valid on a day; before the first row the first one stands in, as the best that is known."""
        rows = self._by_sport.get(sport, [])
        if not rows:
            return Thresholds(resting_hr=self._resting_hr)
        row = rows[max(bisect_right([r.valid_from for r in rows], day) - 1, 0)]
        return Thresholds(
            ftp_w=row.ftp_w,
            threshold_pace_s_per_km=row.pace_s_per_km,
            threshold_hr=row.threshold_hr,
            max_hr=row.max_hr,
            resting_hr=self._resting_hr,
        )
