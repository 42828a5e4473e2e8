"""Learned priors: found where they are planted, left as published where not, refused where damaged."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from modeling.core.priors import DEFAULT_PRIORS
from modeling.learned.algorithm import SHIPPED_ALGORITHM, DamagedDocument, read_algorithm
from modeling.learned.priors import read_priors
from modeling.training import habits
from modeling.training.gate import PARTS
from modeling.training.histories import histories
from modeling.training.next_test import last_test_errors, next_errors, predicted
from modeling.training.pipeline import TooLittle, train
from modeling.training.priors import fit_histories, fit_priors, held_out
from modeling.training.simulate.athletes import Athletes, simulate_athletes
from modeling.training.verdict import EVERYBODY, Trained
from tests.modeling.training.cohorts import AS_OF, TableStore

pytestmark = pytest.mark.pure

STRONG = replace(
    DEFAULT_PRIORS,
    mean=(0.70, 0.45, 0.06, 0.0),
    sd=(0.08, 0.05, 0.02, 0.05),
    tau1_days=60.0,
    tau1_log_sd=0.15,
    tau2_days=7.0,
    tau2_log_sd=0.2,
    drift_sd=(0.01, 0.02),
    noise={kind: 0.7 * sd for kind, sd in DEFAULT_PRIORS.noise.items()},
)


def cohort(n: int, seed: int = 5, **more: object) -> Athletes:
    settings = {"sports": ("running",), "levels": ("advanced",), "birth_years": (1983, 1989), "tests": 6, "days": 240}
    return simulate_athletes(n, seed=seed, **(settings | more))  # type: ignore[arg-type]


def run(store: TableStore, **more: object) -> Trained:
    settings = {"champion": SHIPPED_ALGORITHM, "safety": lambda _: [], "learners": habits.nobody()}
    return train(store, as_of=AS_OF, **(settings | more))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def planted() -> tuple[TableStore, Trained]:
    store = TableStore(cohort(260, planted=lambda *_: STRONG).tables)
    return store, run(store)


def test_planted_priors_are_learned_pass_the_gate_and_predict_better(planted):
    _, found = planted
    assert found.verdict.passed, found.verdict.refusals
    main = next(one for one in found.figures if one.group == EVERYBODY and one.metric == PARTS["priors"])
    assert main.high < 0.0
    assert main.candidate < main.champion == main.baseline
    pooled = found.document["priors"]["pooled"]
    assert [row["source"] for row in pooled] == ["learned"]
    assert pooled[0]["noise"] < 0.9
    learned = read_algorithm("7", found.document).priors_for(sport="running", level="advanced", age_group="35–44")
    assert learned.name.startswith("version 7: running")
    assert learned.tau1_days == pytest.approx(60.0, rel=0.2)
    assert learned.mean[1] == pytest.approx(0.45, abs=0.06)


def test_the_document_is_json_and_the_same_for_the_same_data(planted):
    store, found = planted
    assert json.loads(json.dumps(found.document)) == found.document
    told: list[str] = []
    again = run(store, progress=lambda step, done, total: told.append(step))
    assert list(dict.fromkeys(told)) == ["features", "train", "evaluate", "gate"]
    assert json.dumps(again.document) == json.dumps(found.document)
    assert again.metrics_json() == found.metrics_json()
    assert again.verdict == found.verdict


def test_nobody_is_judged_by_what_they_were_learned_from(planted):
    store, found = planted
    everybody = histories(store, as_of=AS_OF)
    judged = sum(held_out(one.athlete) for one in everybody)
    main = next(one for one in found.figures if one.group == EVERYBODY)
    assert main.units == judged < len(everybody) / 2
    spoiled = [one for one in everybody if not held_out(one.athlete)]
    assert fit_histories(spoiled) == found.document["priors"]


def test_a_safety_violation_a_missing_consent_and_a_changed_store_are_each_refused(planted):
    store, found = planted
    moved, tokens = TableStore(store.tables), store.consented()

    def rewrite(step: str, done: int, total: int) -> None:
        if step == "evaluate" and done == 0:
            moved.tables["tests"] = moved.tables["tests"].slice(1)

    spoiled = run(
        moved,
        safety=lambda algorithm: [f"{algorithm.name}: week 2 grows by 30 %"],
        consented=lambda: tokens - {min(tokens)},
        progress=rewrite,
    )
    assert found.verdict.passed
    assert spoiled.verdict.refusals == (
        "The data changed while it was learned from: read again, its hash is another.",
        "1 athlete in the data without consent to training.",
        "1 guard broken by the candidate's plans: candidate: week 2 grows by 30 %.",
    )


def test_a_part_that_cannot_be_learned_stays_the_champions_where_it_is_given(planted):
    store, found = planted
    champion = read_algorithm("7", found.document)
    few = cohort(10)
    with pytest.raises(TooLittle, match="10 athletes with 3 tests or more, and 0 sessions"):
        run(TableStore(few.tables))
    again = run(store, champion=champion, champion_document=found.document)
    assert again.document["priors"] == found.document["priors"]
    assert again.document["parent"] == "7"
    assert again.verdict.refusals[0] == "Nothing new was learned: the candidate is the champion."


def test_where_the_published_priors_are_the_truth_nothing_passes():
    for seed in range(3):
        found = run(TableStore(cohort(160, seed=seed).tables), seed=seed)
        assert not found.verdict.passed


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_athletes_are_too_few(n):
    assert fit_priors(TableStore(cohort(n).tables), as_of=AS_OF) is None


def test_athletes_without_enough_tests_teach_nothing():
    made = cohort(60, tests=2)
    assert fit_priors(TableStore(made.tables), as_of=AS_OF) is None
    empty = made.tables | {"tests": made.tables["tests"].slice(0, 0)}
    assert fit_priors(TableStore(empty), as_of=AS_OF) is None


def test_a_small_group_says_why_it_has_wider_priors():
    made = simulate_athletes(120, seed=3, sports=("cycling",), levels=("elite",), tests=4, days=200)
    part = fit_histories(histories(TableStore(made.tables), as_of=AS_OF))
    assert part is not None
    assert {row["source"] for row in part["groups"]} <= {"pooled", "published"}
    assert any("athletes to learn from, 20 are needed" in row["reason"] for row in part["groups"])


def test_the_last_test_is_what_it_says_and_both_predict_the_same_tests():
    people = histories(TableStore(cohort(5).tables), as_of=AS_OF)
    found = predicted(people, lambda _: DEFAULT_PRIORS)
    assert len(found.errors) == len(last_test_errors(people)) == 10
    values = [test.value for test in people[0].tests]
    assert last_test_errors(people)[:2] == pytest.approx(
        [abs(values[-3] / values[-2] - 1) * 100, abs(values[-2] / values[-1] - 1) * 100]
    )
    assert next_errors(people, DEFAULT_PRIORS) == pytest.approx(found.errors.reshape(5, 2).mean(axis=1))
    assert np.all(found.inside95 >= found.inside80)


ROW = {
    "sport": "running", "source": "learned", "mean": [0.9, 0.2, 0.1, 0.0], "sd": [0.15, 0.1, 0.05, 0.15],
    "tau1": [50.0, 0.3], "tau2": [9.0, 0.5], "noise": 0.8, "drift": 1.2,
}  # fmt: skip
GROUP = ROW | {"level": "elite", "age_group": "23–34", "tau1": [60.0, 0.3]}
PART = {"pooled": [ROW], "groups": [GROUP]}


def test_priors_are_the_groups_then_the_sports_then_the_published_ones():
    table = read_priors(PART, version="4")
    assert table.priors_for(sport="running", level="elite", age_group="23–34").tau1_days == 60.0
    wide = table.priors_for(sport="running", level="elite", age_group="35–44")
    assert (wide.name, wide.tau1_days, wide.noise["lab"]) == ("version 4: running", 50.0, 0.008)
    assert wide.drift_sd == pytest.approx((0.024, 0.06))
    assert table.priors_for(sport="cycling", level="elite", age_group="23–34") is DEFAULT_PRIORS
    for source, expected in (("pooled", 50.0), ("published", 42.0)):
        part = {"pooled": [ROW], "groups": [GROUP | {"source": source}]}
        found = read_priors(part).priors_for(sport="running", level="elite", age_group="23–34")
        assert found.tau1_days == expected


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("pooled",), None, "priors.pooled is no list"),
        (("groups",), [1], "priors.groups is no list of objects"),
        (("groups", 0, "sport"), "rowing", "groups\\[0\\].sport is 'rowing'"),
        (("groups", 0, "age_group"), "old", "age_group is 'old'"),
        (("groups", 0, "source"), "guessed", "source is 'guessed'"),
        (("pooled", 0, "mean"), [0.9, 0.2, 0.1], "mean is no list of 4 numbers"),
        (("pooled", 0, "mean"), [0.9, 0.2, 0.1, 11.0], "shares of performance are near 1"),
        (("pooled", 0, "sd"), [0.15, 0.1, 0.0, 0.15], "0 is not possible"),
        (("pooled", 0, "tau1"), [float("nan"), 0.3], "nan is no number"),
        (("pooled", 0, "tau2"), [True, 0.3], "True is no number"),
        (("pooled", 0, "noise"), 11.0, "11 is not possible where 1 is usual"),
        (("pooled", 0, "source"), "published", None),
    ],
)
def test_a_damaged_part_is_refused_and_says_where(where, value, words):
    part = deepcopy(PART)
    inner = part
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    if words is None:
        part["groups"][0]["source"], words = "pooled", "takes the sport's priors, which are not there"
    with pytest.raises(DamagedDocument, match=words):
        read_priors(part)
    with pytest.raises(DamagedDocument):
        read_algorithm("1", {"format": 1, "features": "1", "priors": part, "overrides": None, "adherence": None})
