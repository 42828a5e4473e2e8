"""The table of states, cell by cell."""

from __future__ import annotations

import itertools

import pytest

from accounts.matrix import MATRIX
from plans.workflow import ENDED, PENDING, VERB, Action, NotPossible, State, next_state

pytestmark = pytest.mark.pure
S, A = State, Action
REVIEW = [S.GENERATED, S.DRAFT, S.NEEDS_REVISION, S.COACH_REVIEWED]
POSSIBLE = {
    **{(s, a): S.DRAFT for s in [*REVIEW, S.PUBLISHED] for a in (A.SAVE, A.REGENERATE)},
    **{(s, A.SUBMIT): S.COACH_REVIEWED for s in (S.GENERATED, S.DRAFT, S.NEEDS_REVISION)},
    (S.COACH_REVIEWED, A.ACCEPT): S.APPROVED,
    (S.COACH_REVIEWED, A.REQUEST_CHANGES): S.NEEDS_REVISION,
    (S.APPROVED, A.PUBLISH): S.PUBLISHED,
    (S.PUBLISHED, A.MOVE_SESSION): S.PUBLISHED,
    (S.PUBLISHED, A.COMPLETE): S.COMPLETED,
    **{(s, A.WITHDRAW): S.WITHDRAWN for s in [*REVIEW, S.PUBLISHED]},
    **{(s, A.SUPERSEDE): S.SUPERSEDED for s in [*REVIEW, S.PUBLISHED]},
}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
def test_a_cell_leads_where_it_should_or_nowhere(state, action):
    if (state, action) in POSSIBLE:
        assert next_state(state, action, has_active=False) == POSSIBLE[state, action]
    else:
        with pytest.raises(NotPossible, match=state.label.lower()):
            next_state(state, action, has_active=False)


@pytest.mark.parametrize("state", REVIEW)
def test_withdrawing_a_revision_restores_what_is_published(state):
    assert next_state(state, A.WITHDRAW, has_active=True) == S.PUBLISHED


def test_nothing_leaves_an_end_and_all_that_is_pending_can_be_submitted():
    for state, action in itertools.product(ENDED, Action):
        with pytest.raises(NotPossible):
            next_state(state, action, has_active=True)
    assert all(next_state(state, A.SUBMIT, has_active=False) == S.COACH_REVIEWED for state in PENDING)


def test_every_action_needs_a_verb_of_the_matrix():
    assert set(VERB) == set(Action)
    assert set(VERB.values()) <= set(MATRIX)
