"""The page that `make bench` leaves behind."""

from __future__ import annotations

import pytest

from bench.kept import AnotherRun, keep, kept
from bench.report import page
from bench.rows import Row

pytestmark = pytest.mark.pure


def test_the_page_says_what_holds_what_does_not_and_what_failed() -> None:
    held = Row("fit / curve_fit", 1234.5678, 2469.0, 2.0, "ms", "≥ 2×", True)
    missed = Row("a|b", 0.5, None, None, "s", "≤ 0.1", False)
    told = page(
        {"fit": [held, missed]},
        {"Python": "3.11"},
        command="make bench",
        seconds={"fit": 3.0, "plan": 1.0},
        note="Alone.",
    )
    assert "1 of 2 goals hold. Failed, with no figures: plan." in told
    assert "fit 3 s, plan 1 s. Alone.\n" in told
    assert "| Python | 3.11 |" in told
    assert "| fit: fit / curve_fit | 1,235 | 2,469 | 2 | ms | ≥ 2× | holds |" in told
    assert "| fit: a\\|b | 0.5 |  |  | s | ≤ 0.1 | **does not hold** |" in told


def test_a_run_that_was_stopped_is_gone_on_with_on_the_same_machine_and_commit_alone(tmp_path):
    file, machine = tmp_path / "var" / "bench.json", {"taken": "today", "commit": "a", "samples": "whole"}
    with pytest.raises(AnotherRun, match="nothing was kept"):
        kept(file, machine)
    rows = {
        "fit": [Row("fit / curve_fit", 1.4, 479.2, 339.0, "ms", "≥ 200×", True), Row("alone", 1.0, None, None, "s")]
    }
    keep(file, machine, rows, {"fit": 8.0, "relay": 1.0})  # relay failed: it is run again
    assert kept(file, machine | {"taken": "tomorrow"}) == (rows, {"fit": 8.0})
    with pytest.raises(AnotherRun, match=r"commit a \(now b\), samples whole \(now None\)"):
        kept(file, {"taken": "today", "commit": "b"})
