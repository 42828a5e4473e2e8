"""Every assignment replays exactly from its record, through JSON; a record that was touched says where."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from experiments.assignment import Subject, assign_roster, decide
from experiments.lifecycle import State
from experiments.reading import read_configuration
from experiments.replay import record_of, replay
from tests.experiments.making import AT, END, LEVELS, SPORTS, START, athlete, document, running

pytestmark = pytest.mark.pure

WEIGHTS = [{"a": 50, "b": 50}, {"a": 33.33, "b": 33.33, "c": 33.34}, {"a": 70, "b": 30}, {"a": 100, "b": 0}]
DOCUMENTS = st.fixed_dictionaries(
    {
        "key": st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        "phase": st.integers(1, 9),
        "variant_weights": st.sampled_from(WEIGHTS),
        "stratification_keys": st.sampled_from([[], ["sport"], ["sport", "level"]]),
        "holdout_percentage": st.sampled_from([0, 5, 33.333]),
        "traffic_percentage": st.sampled_from([50, 99.9, 100]),
        "targeting": st.sampled_from([{}, {"sport": ["running", "cycling"]}]),
        "layer": st.sampled_from([None, {"key": "x", "from": 12.5, "to": 87.5}]),
        "roster": st.sampled_from(["open", "closed"]),
        "end_at": st.sampled_from([None, END.isoformat()]),
    }
)
SUBJECTS = st.builds(
    lambda number, sport, level: athlete(number, sport=sport, level=level, email="a@b.example"),
    st.integers(0, 2**40),
    st.sampled_from(SPORTS),
    st.sampled_from(LEVELS),
)


@given(DOCUMENTS, SUBJECTS, st.sampled_from(State), st.booleans(), st.integers(0, 10**6),
       st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.timezones()))  # fmt: skip
def test_every_assignment_replays_from_its_record(changes, subject, state, consented, number, at):
    configuration = read_configuration(document(**changes), state=state)
    found = decide(configuration, subject, at=at, consented=consented, number=number)
    record = json.loads(json.dumps(record_of(configuration, subject, found, at=at, consented=consented)))
    assert replay(record) == (found, ())
    assert replay(record).holds
    assert "email" not in json.dumps(record)


def test_a_whole_roster_replays():
    configuration = running(roster="closed", holdout_percentage=20, variant_weights=WEIGHTS[1])
    subjects = [athlete(n, sport=SPORTS[n % 4]) for n in range(300)]
    answers = assign_roster(configuration, subjects, at=AT, consented={one.id for one in subjects[:250]})
    for n, subject in enumerate(subjects):
        record = record_of(configuration, subject, answers[subject.id], at=AT, consented=n < 250)
        assert replay(record) == (answers[subject.id], ())


def stored() -> dict:
    configuration, subject = running(), athlete(4)
    found = decide(configuration, subject, at=AT, consented=True, number=9)
    return record_of(configuration, subject, found, at=AT, consented=True)


@pytest.mark.parametrize(
    "field", ["variant", "reason", "version", "buckets", "stratum", "block", "propensity", "candidates"]
)
def test_an_answer_that_was_touched_is_told(field):
    record = stored()
    true, record["answer"][field] = record["answer"][field], "touched"
    assert replay(record).differences == ((field, "touched", true),)


def test_a_part_that_is_gone_or_too_many_is_told():
    record = stored()
    del record["answer"]["variant"]
    record["answer"]["colour"] = "red"
    assert [one.field for one in replay(record).differences] == ["variant", "colour"]


@pytest.mark.parametrize(
    ("name", "value", "differs"),
    [
        ("subject_id", athlete(5).id, {"buckets"}),
        ("number", 10, {"number", "block"}),
        ("consented", False, {"reason", "variant"}),
        ("state", "paused", {"reason", "variant"}),
        ("at", END.isoformat(), {"reason", "variant"}),
        ("attributes", {"sport": "cycling", "level": "elite"}, {"stratum"}),
    ],
)
def test_what_it_was_made_of_cannot_be_touched_either(name, value, differs):
    record = {**stored(), name: value}
    found = {one.field for one in replay(record).differences}
    assert found & differs == differs or (name == "number" and "number" in found)


def test_another_configuration_is_another_version():
    record = stored()
    record["configuration"]["variant_weights"] = {"control": 50, "other": 50}
    assert "version" in {one.field for one in replay(record).differences}


@pytest.mark.parametrize("name", ["configuration", "state", "subject_id", "attributes", "at", "consented", "answer"])
def test_a_record_that_is_none_is_refused_at_its_field(name):
    for broken in (None, 3.5, "nonsense"):
        record = copy.deepcopy(stored())
        record[name] = broken
        if name == "subject_id" and broken == "nonsense":
            continue
        with pytest.raises(InvalidInput) as raised:
            replay(record)
        assert {error["pointer"] for error in raised.value.errors} == {f"#/{name}"}
    with pytest.raises(InvalidInput):
        replay({})


def test_the_state_in_which_it_was_decided_is_in_the_record():
    paused = replace(running(), state=State.PAUSED)
    found = decide(paused, Subject("s", {}), at=AT, consented=True)
    assert replay(record_of(paused, Subject("s", {}), found, at=AT, consented=True)) == (found, ())
