"""Clusters and training read the store each in a way of its own; a session's context is the same in both."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from modeling.learned.context import LEVELS, SPORTS
from modeling.training.exposed import exposures
from modeling.training.features import training_set
from modeling.training.simulate.coaching import Coaching, Rule, simulate_coaching
from tests.modeling.training.memory import MemoryStore

pytestmark = pytest.mark.pure

AS_OF = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize("seed", [0, 1])
def test_contexts_and_changes_of_clusters_are_those_of_training(seed):
    store = MemoryStore(simulate_coaching(Coaching(athletes=40, coaches=5, weeks=12, rules=(Rule(),), seed=seed)))
    training = training_set(store, as_of=AS_OF)
    with store.connect(as_of=AS_OF) as connection:
        seen = exposures(connection)
    plans = [training.plans[code] for code in training.plan.tolist()]
    rows = {key: row for row, key in enumerate(zip(plans, training.session.to_pylist(), strict=True))}
    by_session: dict[str, list[int]] = {}
    for (_, session), row in rows.items():
        by_session.setdefault(session, []).append(row)
    pairs = [(at, by_session[one][0]) for at, one in enumerate(seen.sessions.ids.tolist()) if one in by_session]
    assert len(pairs) > 1000 and all(len(found) == 1 for found in by_session.values())
    ours, theirs = (np.array(column) for column in zip(*pairs, strict=True))
    for name in ("kind", "phase", "weekday", "season"):
        assert np.array_equal(getattr(seen.sessions, name)[ours], training.context[name][theirs]), name
    assert np.array_equal(seen.sessions.after[ours], training.reasons[theirs])
    assert training.reasons[theirs].any()
    of = seen.sessions.review[ours]
    for name, known in (("sport", SPORTS), ("level", LEVELS)):
        assert np.array_equal(getattr(seen.reviews, name)[of], training.context[name][theirs]), known
    for change, label in (("moved", "move"), ("rest", "rest"), ("swapped", "swap")):
        assert np.array_equal(seen.did(change)[ours], getattr(training.labels, label)[theirs]), change
    volume = seen.did("shortened")[ours] | seen.did("lengthened")[ours]
    assert np.array_equal(volume, training.labels.volume[theirs])
