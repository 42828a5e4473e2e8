"""Heuristics: what may be said, where it holds, and how it answers beside a learned model."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.learned.algorithm import DamagedDocument, Suggestion
from modeling.learned.context import REASONS, SessionContext
from modeling.learned.heuristics import (
    BOUNDED,
    CHOICES,
    HeuristicOverrides,
    WrongHeuristic,
    names_that_hold,
    read_heuristic,
    read_heuristics,
)

pytestmark = pytest.mark.pure
DOCUMENT: dict[str, Any] = {
    "name": "short-after-travel",
    "condition": {"kind": ["long"], "reasons_before": ["travel", "illness"]},
    "adjustment": {"adjustment": "volume", "volume_factor": 0.88},
    "reason": "Coaches shorten long sessions after travel.",
    "support": {"coaches": 9, "athletes": 20, "cases": 34},
}
CONTEXT = SessionContext(
    sport="running", level="advanced", tier="basic", age_group="35–44", season="winter", kind="long", phase="build",
    weekday=5, minutes=90.0, load=80.0, key_session=True, is_recovery=False, week_number=3, weeks_to_race=7,
    reasons_before=frozenset({"travel"}),
)  # fmt: skip

contexts = st.builds(
    SessionContext,
    **{name: st.sampled_from(values) for name, values in CHOICES.items() if name != "reasons_before"},
    reasons_before=st.frozensets(st.sampled_from(REASONS), max_size=2),
    minutes=st.floats(10, 200),
    load=st.floats(0, 200),
    week_number=st.integers(1, 20),
    weeks_to_race=st.integers(-2, 20),
    load_ratio=st.floats(0.2, 3),
    adherence_28d=st.none() | st.floats(0, 1),
    coach_share=st.none() | st.floats(0, 1),
)
conditions = st.dictionaries(st.sampled_from(sorted(CHOICES)), st.just(None), min_size=1, max_size=4).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.lists(st.sampled_from(CHOICES[name]), min_size=1, max_size=3) for name in names}
    )
)


@given(conditions, contexts)
def test_a_condition_holds_where_each_of_its_members_does(condition: dict[str, Any], context: SessionContext) -> None:
    heuristic = read_heuristic({**DOCUMENT, "condition": condition})
    expected = all(
        bool(context.reasons_before & set(values)) if name == "reasons_before" else getattr(context, name) in values
        for name, values in condition.items()
    )
    assert heuristic.holds(context) == expected
    assert read_heuristic(heuristic.as_json()) == heuristic


@given(contexts, st.sampled_from(BOUNDED), st.floats(-1, 100), st.floats(0.01, 100))
def test_bounds_take_in_the_lower_end_and_what_is_unknown_meets_none(
    context: SessionContext, field: str, low: float, width: float
) -> None:
    bounds = {"at_least": low, "below": low + width}
    heuristic = read_heuristic({**DOCUMENT, "condition": {field: bounds}})
    value = getattr(context, field)
    assert heuristic.holds(context) == (value is not None and low <= value < low + width)


def test_every_field_of_a_context_can_be_asked_for_but_those_that_come_of_experiments() -> None:
    assert {one.name for one in fields(SessionContext)} == {*CHOICES, *BOUNDED, "heuristics", "variant"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "no spaces"}, "/name"),
        ({"name": "x" * 61}, "/name"),
        ({"condition": None}, "/condition"),
        ({"condition": {"kind": []}}, "/condition/kind"),
        ({"condition": {"kind": "long"}}, "/condition/kind"),
        ({"condition": {"weekday": [True]}}, "/condition/weekday"),
        ({"condition": {"minutes": {"at_least": 60, "below": 60}}}, "/condition/minutes"),
        ({"condition": {"minutes": {"at_least": float("nan")}}}, "/condition/minutes"),
        ({"condition": {"minutes": {}}}, "/condition/minutes"),
        ({"condition": {"__class__": ["x"]}}, "/condition/__class__"),
        ({"adjustment": {"adjustment": "add"}}, "/adjustment"),
        ({"adjustment": {"adjustment": "rest", "day_shift": 1}}, "/adjustment"),
        ({"adjustment": {"adjustment": "volume", "volume_factor": 1}}, "/adjustment"),
        ({"adjustment": {"adjustment": "move", "day_shift": 0}}, "/adjustment"),
        ({"adjustment": {"adjustment": "swap", "to_kind": "race"}}, "/adjustment"),
        ({"support": {"cases": -1}}, "/support"),
        ({"code": "import os"}, "/code"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(WrongHeuristic) as refused:
        read_heuristic({**DOCUMENT, **change})
    assert refused.value.place == place


def test_heuristics_go_before_what_was_learned() -> None:
    class Learned:
        def suggest(self, context: SessionContext) -> Suggestion | None:
            return Suggestion("rest", 0.4, "learned")

    model = HeuristicOverrides([read_heuristic(DOCUMENT)], Learned())
    found = model.suggest(CONTEXT)
    assert found == Suggestion("volume", 1.0, DOCUMENT["reason"], volume_factor=0.88, coaches=9, athletes=20, cases=34)
    elsewhere = replace(CONTEXT, kind="easy")
    assert model.suggest(elsewhere) == Suggestion("rest", 0.4, "learned")
    assert HeuristicOverrides([read_heuristic(DOCUMENT)]).suggest(elsewhere) is None


def test_the_names_that_hold_are_a_contexts_heuristics() -> None:
    other = read_heuristic({**DOCUMENT, "name": "easy-only", "condition": {"kind": ["easy"]}})
    assert names_that_hold([read_heuristic(DOCUMENT), other], CONTEXT) == {"short-after-travel"}


@pytest.mark.parametrize("documents", [[DOCUMENT, DOCUMENT], [{}], [None], ["x"]])
def test_a_documents_part_is_refused_whole(documents: Any) -> None:
    with pytest.raises(DamagedDocument):
        read_heuristics(documents)
