"""The gate: what is refused, and with which words; how often nothing passes for something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from modeling.training.evaluation import Cases, probability_figures
from modeling.training.gate import Facts, judge
from modeling.training.verdict import EVERYBODY, Figure, Verdict
from tests.modeling.training.nulls import null_figures

pytestmark = pytest.mark.pure

HASH = "a" * 64
FACTS = Facts(HASH, HASH, (), frozenset({"a", "b"}), frozenset({"a", "b", "c"}), frozenset({"priors"}), ())


def figure(
    candidate: float, *, group: str = EVERYBODY, metric: str = "next-test error", half: float = 0.05, **more
) -> Figure:
    champion = more.pop("champion", 2.5)
    apart = candidate - champion
    values = {"part": "priors", "unit": "%", "better": "lower", "n": 200, "units": 100, "baseline": 2.5} | more
    return Figure(
        metric=metric,
        group=group,
        candidate=candidate,
        champion=champion,
        low=apart - half,
        high=apart + half,
        **values,
    )


GOOD = (
    figure(2.3),
    figure(2.3, group="running, elite, free"),
    figure(80.0, metric="80 % interval holds", champion=84.0, baseline=80.0),
    figure(95.0, metric="95 % interval holds", champion=96.0, baseline=95.0),
)


def refused(verdict: Verdict) -> list[str]:
    assert verdict.passed == (not verdict.refusals)
    return [check.name for check in verdict.checks if not check.passed]


def test_a_better_candidate_passes_and_every_check_says_why():
    verdict = judge(FACTS, GOOD)
    assert verdict.passed
    assert [check.name for check in verdict.checks] == [
        "data", "leak", "consent", "evidence", "no worse", "better", "groups", "calibration", "safety",
    ]  # fmt: skip
    assert all(check.reason.endswith(".") for check in verdict.checks)


@pytest.mark.parametrize(
    ("facts", "check", "words"),
    [
        ({"data_sha256": ""}, "data", "no hash"),
        ({"again_sha256": "b" * 64}, "data", "changed while it was learned from"),
        ({"again_sha256": None}, "data", "changed while it was learned from"),
        ({"leaks": ("3 sessions have features from activities that became available after",)}, "leak", "3 sessions"),
        ({"consented": frozenset({"a"})}, "consent", "1 athlete in the data without consent"),
        ({"consented": frozenset()}, "consent", "2 athletes in the data"),
        ({"consented": None}, "consent", "Nobody says"),
        ({"violations": ("week 3 grows by 14 %",)}, "safety", "1 guard broken by the candidate's plans: week 3 grows"),
        ({"violations": None}, "safety", "Nobody looked"),
    ],
)
def test_a_fact_alone_refuses(facts, check, words):
    verdict = judge(replace(FACTS, **facts), GOOD)
    assert refused(verdict) == [check]
    assert words in verdict.refusals[0]


def test_nothing_new_is_not_proposed():
    assert refused(judge(replace(FACTS, changed=frozenset()), GOOD)) == ["evidence", "better"]


def test_too_few_athletes_are_no_evidence():
    verdict = judge(FACTS, (replace(GOOD[0], units=29), *GOOD[1:]))
    assert refused(verdict) == ["evidence"]
    assert "priors: 29 held out, 30 are needed" in verdict.refusals[0]
    assert refused(judge(FACTS, ())) == ["evidence", "no worse", "better"]


def test_worse_by_more_than_the_margin_with_the_intervals_end_is_refused():
    assert refused(judge(FACTS, (figure(2.5, half=0.04), *GOOD[1:]))) == ["better"]
    assert refused(judge(FACTS, (figure(2.5, half=0.06), *GOOD[1:]))) == ["no worse", "better"]


def test_superiority_is_asked_at_the_level_of_all_parts_together():
    # 2.0 standard errors below 0: beyond chance for one look (1.98), not for one of three parts (2.25).
    half = 0.05
    assert refused(judge(FACTS, (figure(2.5 - half * 2.0 / 1.984, half=half), *GOOD[1:]))) == ["better"]
    assert judge(FACTS, (figure(2.5 - half * 2.4 / 1.984, half=half), *GOOD[1:])).passed


def test_a_regression_in_one_group_is_refused_and_named():
    verdict = judge(FACTS, (*GOOD, figure(2.8, group="cycling, elite, free")))
    assert refused(verdict) == ["groups"]
    assert "cycling, elite, free: next-test error +0.3000 (+0.2500 to +0.3500)" in verdict.refusals[0]


@pytest.mark.parametrize("harmless", [{"units": 19}, {"half": 0.9}, {"candidate": 2.6}, {"part": "adherence"}])
def test_few_athletes_wide_intervals_small_differences_and_other_parts_are_no_regression(harmless):
    values = {"candidate": 2.8, "group": "cycling, elite, free"} | harmless
    assert judge(FACTS, (*GOOD, figure(**values))).passed


def test_intervals_that_hold_too_little_are_refused():
    narrow = figure(60.0, metric="80 % interval holds", champion=80.0, baseline=80.0)
    assert refused(judge(FACTS, (*GOOD, narrow))) == ["calibration"]


def test_probabilities_that_are_off_are_refused():
    facts = replace(FACTS, changed=frozenset({"adherence"}))
    good = figure(0.40, part="adherence", metric="log loss", champion=0.45, half=0.01)
    off = figure(0.15, part="adherence", metric="calibration error", champion=0.01, baseline=0.01)
    assert judge(facts, (good, replace(off, candidate=0.02))).passed
    verdict = judge(facts, (good, off))
    assert refused(verdict) == ["calibration"]
    assert "off by 0.150, by chance 0.010" in verdict.refusals[0]


def test_parts_that_are_no_better_pass_in_no_more_than_one_in_twenty_runs():
    passed = 0
    for seed in range(60):
        figures = null_figures(np.random.default_rng(seed))
        facts = [replace(FACTS, changed=frozenset({part})) for part in ("priors", "overrides", "adherence")]
        passed += any(judge(one, figures).passed for one in facts)
    # Binomial(60, 0.05) exceeds 9 about once in a thousand times.
    assert passed <= 9


def cases(seed: int, skill: float) -> Cases:
    """60 people with 20 cases each; the candidate knows a share of what decides, the champion nothing."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(60), 20)
    odds = rng.normal(0.0, 1.5, len(clusters)) * skill - 1.0
    truth = 1.0 / (1.0 + np.exp(-odds))
    happened = (rng.random(len(truth)) < truth).astype(np.float64)
    base = np.full(len(truth), happened.mean())
    return Cases("adherence", happened, truth, base, base, clusters, ["running, elite, free"] * len(truth))


def test_a_model_that_knows_something_is_better_in_every_measure():
    found = {one.metric: one for one in probability_figures(cases(1, 1.0)) if one.group == EVERYBODY}
    for metric in ("log loss", "Brier score"):
        assert found[metric].high < 0.0
        assert found[metric].units == 60
    assert found["lift of the top tenth"].low > 0.0
    assert found["lift of the top tenth"].champion == pytest.approx(1.0)
    assert found["calibration error"].candidate < 2.0 * found["calibration error"].baseline + 0.02


def test_figures_are_the_same_for_a_seed_and_hardly_move_with_it():
    one, again, other = (probability_figures(cases(1, 1.0), seed=seed) for seed in (0, 0, 1))
    assert one == again
    assert [f.candidate for f in one] == [f.candidate for f in other]
    assert one[0].high == pytest.approx(other[0].high, rel=0.25)


def test_intervals_hold_a_known_difference_as_often_as_they_say():
    """Clusters of cases that stand together: an interval by cases would hold far less."""
    from modeling.training.intervals import mean_difference

    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        clusters = np.repeat(np.arange(30), 10)
        ours = rng.normal(0.3, 1.0, 30)[clusters] + rng.normal(0.0, 0.2, 300)
        found = mean_difference(ours, np.zeros(300), clusters)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 199  # 95 %, give or take 3.3 standard deviations
