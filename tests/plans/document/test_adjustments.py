"""What a coach did to a session, classified: examples, and what holds for any two documents."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.document import document, session_changes, session_entry
from plans.document.adjustments import ADJUSTMENTS, adjustments

pytestmark = pytest.mark.pure
ONE = str(UUID(int=1))
MONDAY = date(2026, 6, 1)


def entry(**more: Any) -> dict[str, Any]:
    work = {"duration_min": 60, "distance_km": 10.0, "hard_min": 0, "steps": [], **more.pop("work", {})}
    fields = {"day": "2026-06-01", "modality": "running", "kind": "long", "title": "Long", "load": 50.0, **more}
    return session_entry(prescribed_work=work, **{"key_session": False, **fields})


def told(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[Any, ...]]:
    documents = [document([(ONE, one)] if one else []) for one in (before, after)]
    return [
        (one.adjustment, one.volume_factor, one.load_factor, one.day_shift, one.from_kind, one.to_kind)
        for one in adjustments(*documents)
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (entry(), entry(), []),
        (entry(), entry(title="Other", key_session=True, locked=True), []),
        (entry(), entry(work={"notes": "slow"}), []),
        (entry(), entry(work={"duration_min": 45}, load=40.0), [("volume", 0.75, 0.8, None, "long", "long")]),
        (entry(), entry(work={"distance_km": 12.5}), [("volume", 1.25, 1.0, None, "long", "long")]),
        (entry(), entry(day="2026-05-30"), [("move", None, 1.0, -2, "long", "long")]),
        (entry(), entry(load=60.0), [("intensity", None, 1.2, None, "long", "long")]),
        (entry(), entry(work={"hard_min": 10}), [("intensity", None, 1.0, None, "long", "long")]),
        (entry(), entry(kind="easy", load=25.0), [("swap", None, 0.5, None, "long", "easy")]),
        (entry(), entry(modality="cycling"), [("swap", None, 1.0, None, "long", "long")]),
        (entry(), None, [("rest", None, 0.0, None, "long", "rest")]),
        (entry(), entry(kind="rest", modality="rest", load=0.0), [("rest", None, 0.0, None, "long", "rest")]),
        (None, entry(), [("add", None, None, None, None, "long")]),
        (entry(kind="rest", load=0.0), entry(), [("swap", None, None, None, "rest", "long")]),
        (entry(kind="rest"), None, []),
        (entry(work={"duration_min": 0}), entry(), [("volume", None, 1.0, None, "long", "long")]),
        (
            entry(kind="strength", modality="strength"),
            entry(kind="strength", modality="strength", load=25.0),
            [("intensity", None, 0.5, None, "strength", "strength")],
        ),
        (
            entry(),
            entry(day="2026-06-02", kind="easy", work={"duration_min": 30}, load=25.0),
            [
                ("move", None, 0.5, 1, "long", "easy"),
                ("swap", None, 0.5, None, "long", "easy"),
                ("volume", 0.5, 0.5, None, "long", "easy"),
            ],
        ),
    ],
)
def test_examples(before: Any, after: Any, expected: list[tuple[Any, ...]]):
    assert told(before, after) == expected


_entries = st.builds(
    lambda day, modality, kind, minutes, km, hard, load, title: entry(
        day=(MONDAY + timedelta(days=day)).isoformat(),
        modality=modality,
        kind=kind,
        load=load,
        title=title,
        work={"duration_min": minutes, "distance_km": km, "hard_min": hard},
    ),
    st.integers(0, 3),
    st.sampled_from(("running", "strength")),
    st.sampled_from(("easy", "long", "rest", "strength")),
    st.sampled_from((0, 30, 60)),
    st.sampled_from((None, 5.0, 10.0)),
    st.sampled_from((0, 10)),
    st.sampled_from((0.0, 20.0, 40.0)),
    st.sampled_from(("A", "B")),
)
_documents = st.dictionaries(st.integers(0, 4).map(lambda n: str(UUID(int=n))), _entries).map(
    lambda found: document(found.items())
)


@given(_documents, _documents)
def test_any_two_documents(before: Any, after: Any):
    found = adjustments(before, after)
    changed = {change.session_id: change for change in session_changes(before, after)}
    assert {one.session_id for one in found} <= changed.keys()
    assert len({(one.session_id, one.adjustment) for one in found}) == len(found)  # the key of a row
    assert {one.adjustment for one in found} <= set(ADJUSTMENTS)
    for one in found:
        was, now = changed[one.session_id].before, changed[one.session_id].after
        assert (one.volume_factor is None) or one.adjustment == "volume"
        assert (one.day_shift is not None) == (one.adjustment == "move")
        assert one.day == (was or now)["day"]
        if one.adjustment in ("add", "rest"):
            assert [other.adjustment for other in found if other.session_id == one.session_id] == [one.adjustment]
    trained = {
        key for key, change in changed.items() if any(s and s["kind"] != "rest" for s in (change.before, change.after))
    }
    for key in trained - {one.session_id for one in found}:  # nothing that matters differs
        was, now = changed[key].before, changed[key].after
        for name in ("day", "kind", "modality"):
            assert was[name] == now[name]
        for name in ("duration_min", "distance_km"):
            assert (was["prescribed_work"][name] or 0) == (now["prescribed_work"][name] or 0)
        assert was["load"] == now["load"]


@given(_documents)
def test_a_document_against_itself_is_nothing(content: Any):
    assert adjustments(content, deepcopy(content)) == ()
