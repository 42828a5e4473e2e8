"""The page that `make bench` leaves behind."""

from __future__ import annotations

import pytest

from bench.report import page
from bench.rows import Row

pytestmark = pytest.mark.pure


def test_the_page_says_what_holds_what_does_not_and_what_failed() -> None:
    held = Row("fit / curve_fit", 1234.5678, 2469.0, 2.0, "ms", "≥ 2×", True)
    missed = Row("a|b", 0.5, None, None, "s", "≤ 0.1", False)
    told = page({"fit": [held, missed]}, {"Python": "3.11"}, command="make bench", seconds={"fit": 3.0, "plan": 1.0})
    assert "1 of 2 goals hold. Failed, with no figures: plan." in told
    assert "| Python | 3.11 |" in told
    assert "| fit: fit / curve_fit | 1,235 | 2,469 | 2 | ms | ≥ 2× | holds |" in told
    assert "| fit: a\\|b | 0.5 |  |  | s | ≤ 0.1 | **does not hold** |" in told
