"""The demonstration's history: half a year of a synthetic cohort, as files of events."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings

from common import clock
from telemetry.synthetic import Cohort, events
from telemetry.tokens import person_token

_MARK: Final = ".synthetic-cohort"


def make_telemetry_demo(*, coach_ids: Sequence[UUID]) -> int:
    """Write a cohort's events, once; return how many (0 where they are there, or Parquet is not installed).

    Args:
        coach_ids: who coaches part of the cohort, so that their own dashboards show something.
    """
    folder = Path(settings.TELEMETRY_DIR)
    mark = folder / _MARK
    if mark.exists() or importlib.util.find_spec("pyarrow") is None:
        return 0
    from telemetry.landing import land

    cohort = Cohort(until=clock.today(), known_coaches=tuple(person_token(one) for one in coach_ids))
    count = land(events(cohort), folder)
    mark.touch()
    return count
