"""What an experiment asks is read whole, refused with every mistake, and written as it was read."""

from __future__ import annotations

import pytest

from common.errors import InvalidInput
from experiments.protocol import Guarded, read_protocol
from tests.experiments.protocols import protocol

pytestmark = pytest.mark.pure

METRICS = ("adherence", "errors", "satisfaction")
PARAMETERS = {"plan_algorithm_variant": ("auto", "simplified")}


def read(document: object, variants: tuple[str, ...] = ("a", "b")):
    return read_protocol(document, variants=variants, metrics=METRICS, parameters=PARAMETERS)


def test_it_reads_what_it_writes():
    written = protocol(
        goal_metrics=["satisfaction"],
        guardrails=[{"metric": "errors", "margin": 0.02, "relative": True}],
        target=0.04,
        similar=0.02,
        parameter="plan_algorithm_variant",
        values={"a": "auto", "b": "simplified"},
    )
    found = read(written)
    assert found.guardrails == (Guarded("errors", 0.02, True),)
    assert found.metrics == ("adherence", "satisfaction", "errors")
    assert found.values == (("a", "auto"), ("b", "simplified"))
    assert read(found.as_json()) == found
    assert read(found.as_json()).sha256 == found.sha256 != read(protocol()).sha256


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"control": "c"}, ["control"]),
        ({"primary_metric": None, "planned_subjects": 3}, ["primary_metric", "planned_subjects"]),
        ({"goal_metrics": ["adherence"]}, ["goal_metrics"]),
        ({"goal_metrics": ["sleep"]}, ["goal_metrics"]),
        ({"guardrails": [{"metric": "errors", "margin": -1}]}, ["guardrails/0/margin"]),
        ({"guardrails": [{"metric": "errors"}, {"metric": "errors"}]}, ["guardrails/1/metric"]),
        ({"guardrails": {"metric": "errors"}}, ["guardrails"]),
        ({"guardrails": [{"metric": "errors", "relative": "yes"}]}, ["guardrails/0/relative"]),
        ({"target": float("nan")}, ["target"]),
        ({"similar": 2}, ["similar"]),
        ({"alpha": 0.5, "fewest_weeks": 0}, ["fewest_weeks", "alpha"]),
        ({"values": {"a": "auto"}}, ["values"]),
        ({"parameter": "plan_algorithm_variant"}, ["values"]),
        ({"parameter": "plan_algorithm_variant", "values": {"a": "auto", "c": "auto"}}, ["values/b", "values/c"]),
        ({"parameter": "plan_algorithm_variant", "values": {"a": "auto", "b": "best"}}, ["values/b"]),
        ({"parameter": "taper"}, ["parameter"]),
        ({"hypothesis": "?"}, ["hypothesis"]),
    ],
)
def test_each_mistake_is_named(changes, pointers):
    with pytest.raises(InvalidInput) as refused:
        read(protocol(**changes))
    found = [error["pointer"].removeprefix("#/protocol/") for error in refused.value.errors]
    assert sorted(found) == sorted(pointers)


def test_it_is_an_object():
    with pytest.raises(InvalidInput):
        read([])
