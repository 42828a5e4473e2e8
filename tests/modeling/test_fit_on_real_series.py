"""What the fit must reach on the real series (design: "Five facts the product must not hide")."""

from __future__ import annotations

import json

import pytest

from modeling.core.report import fit_report
from modeling.core.validation import rolling_origin
from modeling.core.varpro import fit_least_squares

pytestmark = [pytest.mark.pure, pytest.mark.shared_data]


@pytest.mark.parametrize(("ratio", "sse"), [(1.1, 18.364), (1.5, 19.488), (2, 21.844), (3, 27.502)])
def test_constrained_least_squares_reaches_the_known_optimum_on_its_bound(cyclist, ratio, sse):
    fit = fit_least_squares(*cyclist, ratio=ratio)
    assert fit.sse == pytest.approx(sse, rel=1e-4)
    assert fit.at_bound
    assert fit.tau1 == pytest.approx(ratio * fit.tau2)


def test_least_squares_always_gives_the_same_answer(cyclist):
    series, tests = cyclist
    assert fit_least_squares(series, tests) == fit_least_squares(series, list(reversed(tests)))


def test_next_test_of_the_cyclist_is_predicted_better_than_by_the_last_test(cyclist):
    check = rolling_origin(*cyclist)
    assert check.n == 5
    assert check.mean_error("last test") == pytest.approx(1.21, abs=0.005)
    assert check.mean_error("posterior") <= 1.0
    assert check.covered80.sum() >= 4


def test_report_says_that_the_time_constants_are_not_identified(cyclist):
    report = fit_report(*cyclist).as_dict()
    assert not report["tau1"]["identified"]
    assert not report["tau2"]["identified"]
    assert any("τ1 and τ2 not identified" in warning for warning in report["warnings"])
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_report_shows_how_the_error_moves_over_other_priors(cyclist):
    rows = fit_report(*cyclist).as_dict()["prior_sensitivity"]
    errors = [row["mean error %"] for row in rows]
    assert len(rows) >= 10
    assert rows[0]["priors"] == "default"
    assert max(errors) > min(errors)


def test_runner_is_predicted_better_than_by_anything_without_load(runner):
    check = rolling_origin(*runner)
    ours = check.mean_error("posterior")
    assert len(runner[1]) == 94
    assert ours < 5.0
    for rival in ("last test", "trend", "drift alone"):
        assert ours < check.mean_error(rival), rival
