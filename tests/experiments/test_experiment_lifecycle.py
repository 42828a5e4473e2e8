"""The states of an experiment, cell by cell."""

from __future__ import annotations

import itertools

import pytest

from experiments.lifecycle import EDITABLE, Command, NotPossible, State, next_state, possible

pytestmark = pytest.mark.pure

FOLLOWS = {
    ("draft", "start"): "running",
    ("running", "pause"): "paused",
    ("running", "complete"): "complete",
    ("paused", "resume"): "running",
    ("paused", "complete"): "complete",
}


@pytest.mark.parametrize(("state", "command"), list(itertools.product(State, Command)))
def test_every_cell(state, command):
    expected = FOLLOWS.get((state.value, command.value))
    if expected is None:
        with pytest.raises(NotPossible, match=f"{command} is not possible while {state}"):
            next_state(state, command)
    else:
        assert next_state(state, command) == expected
    assert (command in possible(state)) is (expected is not None)


def test_the_states_are_those_of_the_requirements_and_complete_is_the_end():
    assert [state.value for state in State] == ["draft", "running", "paused", "complete"]
    assert possible(State.COMPLETE) == frozenset()
    assert set(EDITABLE) == {State.DRAFT}
