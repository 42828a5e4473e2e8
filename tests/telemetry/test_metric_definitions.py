"""Metrics are defined once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.metrics import METRICS
from telemetry.metric_definitions import FILE, Target, definitions, for_dbt, read

pytestmark = [pytest.mark.pure]

_ONE = """
share_of:
  title: Share
  describes: a share
  unit: share
  direction: up
  grain: plan
  facts: fct_plans
  numerator: a
  denominator: b
  formula: a / b
  requirements: [D1]
  target: {at_least: 0.5, weeks: 4}
"""


def test_experiments_call_their_metrics_what_the_warehouse_does() -> None:
    for name, metric in METRICS.items():
        known = definitions()[name]
        assert (metric.title, metric.unit, metric.higher_is_better) == (known.title, known.unit, known.higher_is_better)


def test_every_metric_that_the_requirements_name_is_there() -> None:
    asked = {one for metric in definitions().values() for one in metric.requirements}
    assert asked >= {"D1", "D6", "D7", "C8", "H6", "H7"}
    d1 = {one.name for one in definitions().values() if "D1" in one.requirements}
    d7 = {one.name: one.target for one in definitions().values() if "D7" in one.requirements}
    assert d1 == {"adherence", "performance_improvement", "time_to_approval", "override_frequency", "satisfaction"}
    assert d7 == {
        "adoption_elite": Target(0.5, True, 12),
        "plan_completion": Target(0.8, True, 12),
        "satisfaction": Target(4.0, True, 12),
        "prediction_error": Target(5.0, False, 12),
    }


def test_their_facts_are_models_with_these_columns() -> None:
    """A name that is no column of its facts would be found by the build alone."""
    folder = FILE.parent / "models" / "facts"
    for metric in definitions().values():
        query = (folder / f"{metric.facts}.sql").read_text()
        words = f"{metric.numerator} {metric.denominator} {metric.n} {metric.where or ''}"
        words = re.sub(r"'[^']*'", "", words)
        for word in set(re.findall(r"[a-z_][a-z0-9_]*", words)) - {"is", "not", "null", "and"}:
            assert re.search(rf"\b{word}\b", query), f"{metric.name}: {word} is not in {metric.facts}"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("unit: share", "unit: furlongs"), "unit is one of"),
        (("direction: up", "direction: sideways"), "up or down"),
        (("  formula: a / b\n", ""), "missing or unknown: formula"),
        (("at_least", "at_most"), "its target says at_least and weeks"),
        (("share_of:", "Share of:"), "lower case"),
        (("  grain", "  grian: x\n  grain"), "grian"),
    ],
)
def test_a_definition_that_means_nothing_is_refused(change: tuple[str, str], says: str) -> None:
    assert read(_ONE)["share_of"].target == Target(0.5, True, 4)
    with pytest.raises(ValueError, match=says):
        read(_ONE.replace(*change))


def test_dbt_gets_what_its_models_loop_over() -> None:
    told = for_dbt()["prediction_error"]
    assert told["target"] == {"at_most": 5.0, "weeks": 12}
    assert told["where"] and Path(FILE).name == "metrics.yml"
