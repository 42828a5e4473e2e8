"""The key under which a fit may be reused: a hash of everything that it depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from modeling.core.conventions import VERSION as CONVENTIONS_VERSION
from modeling.core.posterior import TAU1_GRID, TAU2_GRID
from modeling.core.priors import DEFAULT_PRIORS, Priors
from modeling.core.series import LoadSeries, PerformanceTest

MODEL_VERSION: Final = "grid-posterior-1"


def cache_key(
    series: LoadSeries,
    tests: Sequence[PerformanceTest],
    *,
    method: str = "posterior",
    ratio: float = 1.5,
    priors: Priors = DEFAULT_PRIORS,
) -> str:
    """Return the SHA-256 (64 hex digits) over model version, conventions, unit, loads by day, tests, bounds and priors.

    Thresholds enter through the loads which were computed from them. The order of tests does not matter.
    """
    content = {
        "model": MODEL_VERSION,
        "conventions": CONVENTIONS_VERSION,
        "method": method,
        "unit": series.unit,
        "start": series.start.isoformat(),
        "loads": [round(float(load), 6) for load in series.loads],
        "known": "".join("1" if known else "0" for known in series.known),
        "tests": sorted([test.day.isoformat(), round(test.value, 6), test.kind] for test in tests),
        "bounds": [ratio, float(TAU1_GRID[0]), float(TAU1_GRID[-1]), float(TAU2_GRID[0]), float(TAU2_GRID[-1])],
        "priors": priors.as_dict(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
