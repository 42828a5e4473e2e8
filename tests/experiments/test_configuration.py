"""Configurations: every mistake named at its field, one canonical form, what must hold between phases and slices."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from experiments.configuration import Slice, changed_fields
from experiments.lifecycle import State
from experiments.reading import Phase, check_phases, check_slices, read_configuration
from tests.experiments.making import END, START, document, running

pytestmark = pytest.mark.pure
NAN, HUGE = float("nan"), float("inf")


def pointers(raised: pytest.ExceptionInfo[InvalidInput]) -> list[str]:
    return [error["pointer"] for error in raised.value.errors]


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"variant_weights": {"a": 50, "b": 60}}, "variant_weights", "found a sum of 110, allowed 100"),
        ({"variant_weights": {"a": 33.3, "b": 33.3, "c": 33.3}}, "variant_weights", "sum of 99.9"),
        ({"variant_weights": {"a": 0.5, "b": 0.5}}, "variant_weights", "found a sum of 1, allowed 100"),
        ({"variant_weights": {"a": -10, "b": 100}}, "variant_weights/a", "found -10, allowed a number from 0 to 100"),
        ({"variant_weights": {"a": NAN, "b": 50}}, "variant_weights/a", "found nan"),
        ({"variant_weights": {"a": HUGE, "b": 50}}, "variant_weights/a", "found inf"),
        ({"variant_weights": {"a": Decimal("sNaN"), "b": 50}}, "variant_weights/a", "found"),
        ({"variant_weights": {"a": True, "b": 99}}, "variant_weights/a", "found True"),
        ({"variant_weights": {"a": "50", "b": 50}}, "variant_weights/a", "found '50'"),
        ({"variant_weights": {"a": None, "b": 100}}, "variant_weights/a", "found nothing"),
        ({"variant_weights": {"a": 33.3333, "b": 66.667}}, "variant_weights/a", "at most three digits"),
        ({"variant_weights": {"a": 10**5000, "b": 50}}, "variant_weights/a", "allowed a number from 0 to 100"),
        ({"variant_weights": {"a": 0.001, "b": 99.999}}, "variant_weights", "needs blocks of 100000"),
        ({"variant_weights": {"only": 100}}, "variant_weights", "found 1 variants, allowed 2 to 20"),
        ({"variant_weights": {"A b": 50, "c": 50}}, "variant_weights/A b", "a variant's key"),
        ({"variant_weights": {"a/b~c": 50, "c": 50}}, "variant_weights/a~1b~0c", "a variant's key"),
        ({"variant_weights": [50, 50]}, "variant_weights", "allowed an object"),
        ({"variant_weights": None}, "variant_weights", "found nothing"),
        ({"block_size": 3}, "block_size", "found 3, allowed a block of 2 or 4"),
        ({"block_size": 6}, "block_size", "a block of 2 or 4"),
        ({"block_size": 4, "roster": "closed"}, "block_size", "a block of 2"),
        ({"block_size": 0}, "block_size", "a whole number from 1"),
        ({"end_at": START.isoformat()}, "end_at", "allowed after the start"),
        ({"end_at": (START - timedelta(days=1)).isoformat()}, "end_at", "allowed after the start"),
        ({"start_at": None}, "start_at", "found nothing"),
        ({"start_at": "2026-03-01T00:00:00"}, "start_at", "with its time zone"),
        ({"start_at": "soon"}, "start_at", "found 'soon'"),
        ({"start_at": 1_800_000_000}, "start_at", "a moment"),
        ({"start_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))}, "start_at", "a moment"),
        ({"key": "Plan pipeline"}, "key", "small letters"),
        ({"key": None}, "key", "found nothing"),
        ({"phase": 0}, "phase", "from 1 to 1000"),
        ({"phase": True}, "phase", "found True"),
        ({"holdout_percentage": 101}, "holdout_percentage", "from 0 to 100"),
        ({"holdout_percentage": -1}, "holdout_percentage", "from 0 to 100"),
        ({"holdout_percentage": 100}, "holdout_percentage", "nobody would be left"),
        ({"traffic_percentage": NAN}, "traffic_percentage", "found nan"),
        ({"stratification_keys": "sport"}, "stratification_keys", "a list of different names"),
        ({"stratification_keys": ["sport", "sport"]}, "stratification_keys", "different"),
        ({"stratification_keys": [["sport"]]}, "stratification_keys", "a list of different names"),
        ({"targeting": ["sport"]}, "targeting", "an object"),
        ({"targeting": {"sport": []}}, "targeting/sport", "one or more"),
        ({"targeting": {"sport": "running"}}, "targeting/sport", "a list"),
        ({"targeting": {"sport": [1]}}, "targeting/sport", "a printable text of 1 to 100"),
        ({"targeting": {"sport": ["\ud800"]}}, "targeting/sport", "a printable text of 1 to 100"),
        ({"targeting": {"The sport": ["running"]}}, "targeting/The sport", "an attribute"),
        ({"layer": "generation"}, "layer", "an object"),
        ({"layer": {"key": "generation", "from": 0}}, "layer/to", "found nothing"),
        ({"layer": {"key": "generation", "from": 50, "to": 50}}, "layer/to", "allowed above from, 50"),
        ({"layer": {"key": "generation", "from": 0, "to": 101}}, "layer/to", "from 0 to 100"),
        ({"layer": {"from": 0, "to": 50}}, "layer/key", "found nothing"),
        ({"layer": {"key": "generation", "from": 0, "to": 50, "part": 1}}, "layer/part", "no such field"),
        ({"roster": "half"}, "roster", "one of 'open', 'closed'"),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_field(changes, pointer, words):
    with pytest.raises(InvalidInput) as raised:
        read_configuration(document(**changes))
    assert pointers(raised) == [f"#/{pointer}"]
    assert words in raised.value.errors[0]["detail"]


@pytest.mark.parametrize("document", [None, [], "text", 3])
def test_what_is_no_object_is_refused(document):
    with pytest.raises(InvalidInput, match="allowed an object"):
        read_configuration(document)


def test_all_mistakes_come_at_once_and_below_the_pointer_of_the_document():
    wrong = document(key="", phase=0, variant_weights={"a": -1, "b": NAN}, end_at="never", extra=1)
    with pytest.raises(InvalidInput) as raised:
        read_configuration(wrong, pointer="/configuration")
    assert sorted(pointers(raised)) == [
        "#/configuration/end_at",
        "#/configuration/extra",
        "#/configuration/key",
        "#/configuration/phase",
        "#/configuration/variant_weights/a",
        "#/configuration/variant_weights/b",
    ]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner:
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))  # fmt: skip


@given(st.sampled_from([*document(), "targeting", "layer", "roster", "block_size", "traffic_percentage"]), JSON)
def test_whatever_a_field_holds_is_read_or_refused(name, value):
    try:
        found = read_configuration(document(**{name: value}))
    except InvalidInput as refused:
        assert refused.errors
        assert all(error["pointer"].startswith(f"#/{name}") or name == "start_at" for error in refused.errors)
    else:
        assert read_configuration(json.loads(json.dumps(found.as_json()))) == found


FULL_DOCUMENT = document(
    variant_weights={"simplified": 20, "advanced": 30, "control": 50},
    holdout_percentage=5.5,
    traffic_percentage=80,
    targeting={"tier": ["premium", "elite"]},
    layer={"key": "generation", "from": 12.5, "to": 50},
)


def test_it_reads_back_from_its_own_json_with_the_same_version_and_salts():
    found = read_configuration(FULL_DOCUMENT)
    again = read_configuration(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
    assert (again, again.version, again.salts) == (found, found.version, found.salts)
    assert len(found.version) == 64
    assert found.attributes == {"sport", "level", "tier"}


def test_one_thing_has_one_version_however_it_is_written():
    found = read_configuration(FULL_DOCUMENT)
    other_words = {
        **dict(reversed(FULL_DOCUMENT.items())),
        "variant_weights": {"control": 50.0, "advanced": Decimal("30.000"), "simplified": 20},
        "stratification_keys": ["level", "sport"],
        "targeting": {"tier": ["elite", "premium"]},
        "start_at": START.astimezone(timezone(timedelta(hours=2))),
        "block_size": found.design.size,
    }
    assert read_configuration(other_words).version == found.version
    assert replace(found, state=State.PAUSED).version == found.version


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("key", "other"), ("phase", 2), ("variant_weights", {"control": 40, "advanced": 40, "simplified": 20}),
        ("stratification_keys", ["sport"]), ("holdout_percentage", 5), ("traffic_percentage", 81), ("targeting", {}),
        ("layer", {"key": "generation", "from": 12.5, "to": 49}), ("roster", "closed"), ("end_at", None),
        ("start_at", (START + timedelta(days=1)).isoformat()),
    ],
)  # fmt: skip
def test_every_other_choice_is_another_version_and_the_change_is_named(name, value):
    found, other = read_configuration(FULL_DOCUMENT), read_configuration({**FULL_DOCUMENT, name: value})
    assert other.version != found.version
    assert set(changed_fields(found, other)) - {"block_size"} == {name}
    assert changed_fields(found, found) == ()


def test_thirds_are_thirds_and_a_variant_of_weight_nought_is_no_candidate():
    found = running(variant_weights={"a": 33.33, "b": 33.33, "c": 33.34})
    assert found.candidates == (("a", 1 / 3), ("b", 1 / 3), ("c", 1 / 3))
    switched_off = running(variant_weights={"a": 50, "b": 50, "c": 0})
    assert switched_off.candidates == (("a", 0.5), ("b", 0.5))


def phase(number: int, first: int, last: int | None) -> Phase:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return Phase(number, start + timedelta(days=first), None if last is None else start + timedelta(days=last))


def test_phases_follow_each_other():
    check_phases([])
    check_phases([phase(2, 14, None), phase(1, 0, 14)])
    for phases, pointer, words in [
        ([phase(1, 0, 14), phase(2, 13, 20)], "#/start_at", "phase 2: found 2026-03-14"),
        ([phase(1, 0, None), phase(2, 20, 30)], "#/start_at", "phase 1 has no end"),
        ([phase(1, 0, 14), phase(3, 20, 30)], "#/phase", "found phases 1, 3"),
        ([phase(1, 0, 14), phase(1, 20, 30)], "#/phase", "each once"),
    ]:
        with pytest.raises(InvalidInput, match=words) as raised:
            check_phases(phases)
        assert pointers(raised) == [pointer]


def test_slices_of_one_layer_do_not_overlap():
    check_slices({"a": Slice("x", 0, 50_000), "b": Slice("x", 50_000, 100_000), "c": Slice("y", 0, 100_000)})
    with pytest.raises(InvalidInput, match="'a' and 'b' both have 49.5 to 50 % of 'x'") as raised:
        check_slices({"b": Slice("x", 49_500, 100_000), "a": Slice("x", 0, 50_000)})
    assert pointers(raised) == ["#/layer"]


def test_the_end_may_be_open():
    assert running(end_at=None).end_at is None
    assert running().end_at == END
