"""Patch, diff and merge: inverses hold, hostile input is refused whole, no coach's edit is dropped."""

from __future__ import annotations

import math
import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.document import (
    InvalidPatch,
    align,
    apply_changes,
    apply_patch,
    content_sha256,
    field_changes,
    merge,
    operations,
    parse_patch,
    summarise,
)
from plans.document.merge import PARTS
from tests.plans.document.strategies import content, edit_operation, entry, new_id, regenerated

pytestmark = pytest.mark.pure
seeds = st.integers(0, 2**32)


def edited(rng: random.Random, now: Any, n: int) -> Any:
    for _ in range(n):
        now = apply_patch(now, parse_patch([edit_operation(rng, now)]))
    return now


@given(seeds)
def test_diff_then_apply_is_the_identity(seed):
    rng = random.Random(seed)
    before = content(rng)
    after = edited(rng, before, rng.randrange(12))
    untouched = deepcopy(before)
    changes = field_changes(before, after)
    assert content_sha256(apply_changes(before, changes)) == content_sha256(after)
    assert content_sha256(apply_patch(before, parse_patch(operations(changes)))) == content_sha256(after)
    assert before == untouched
    assert field_changes(after, after) == ()


def test_a_change_that_does_not_fit_is_not_replayed():
    rng = random.Random(1)
    before = content(rng, 3)
    changes = field_changes(before, edited(rng, before, 3))
    with pytest.raises(ValueError, match="does not hold"):
        apply_changes(apply_changes(before, changes), changes)


def test_equal_is_what_canonical_json_calls_equal():
    before, session_id = good()
    as_sent_by_a_browser, other = deepcopy(before), deepcopy(before)
    work = as_sent_by_a_browser["sessions"][session_id]["prescribed_work"]
    work["duration_min"] = float(work["duration_min"])
    assert field_changes(before, as_sent_by_a_browser) == ()
    assert content_sha256(before) == content_sha256(as_sent_by_a_browser)
    other["sessions"][session_id]["prescribed_work"]["steps"] = [{"type": "steady", "duration_min": True}]
    before["sessions"][session_id]["prescribed_work"]["steps"] = [{"type": "steady", "duration_min": 1}]
    changes = field_changes(before, other)
    assert [change.path for change in changes] == [f"/sessions/{session_id}/prescribed_work/steps"]
    assert content_sha256(apply_changes(before, changes)) == content_sha256(other) != content_sha256(before)


def test_2000_random_regenerations_drop_no_coach_edit():
    for seed in range(2000):
        rng = random.Random(seed)
        base = content(rng)
        mine, theirs = edited(rng, base, rng.randrange(1, 8)), regenerated(rng, base)
        merged = merge(base, mine, theirs)
        for session_id in base["sessions"].keys() | mine["sessions"].keys():
            was, ours = base["sessions"].get(session_id), mine["sessions"].get(session_id)
            now = merged.content["sessions"].get(session_id)
            if ours is None:
                assert now is None, "a session that the coach removed came back"
            elif was is None:
                assert now == ours
            elif ours != was:
                assert now is not None, "a session that the coach edited is gone"
                for fields in PARTS.values():
                    if any(ours.get(name) != was.get(name) for name in fields):
                        assert [now.get(name) for name in fields] == [ours.get(name) for name in fields]
        for conflict in merged.conflicts:
            assert conflict.mine != conflict.new


@given(seeds)
def test_a_merge_without_edits_is_the_machines_and_without_news_ours(seed):
    rng = random.Random(seed)
    base = content(rng)
    mine, theirs = edited(rng, base, 4), regenerated(rng, base)
    assert merge(base, base, theirs).content == theirs
    assert merge(base, mine, base).content == mine
    assert merge(base, mine, mine).conflicts == ()


def test_both_sides_of_a_conflict_are_shown():
    rng = random.Random(3)
    base = content(rng, 1)
    (session_id,) = base["sessions"]
    mine, theirs = deepcopy(base), deepcopy(base)
    mine["sessions"][session_id]["load"] = 1.0
    theirs["sessions"][session_id]["load"] = 2.0
    theirs["sessions"][session_id]["day"] = "2026-12-24"
    merged = merge(base, mine, theirs)
    assert merged.content["sessions"][session_id]["load"] == 1.0
    assert merged.content["sessions"][session_id]["day"] == "2026-12-24"
    (conflict,) = merged.conflicts
    assert (conflict.part, conflict.new["load"]) == ("content", 2.0)


def test_new_sessions_go_on_under_the_ids_of_those_that_they_replace():
    rng = random.Random(5)
    base = content(rng, 8)
    new = {"sessions": {new_id(rng): deepcopy(e) for e in base["sessions"].values()}}
    aligned = align(base, new, race_day="", new_race_day="")
    assert aligned["sessions"].keys() == base["sessions"].keys()
    assert sorted(e["day"] for e in aligned["sessions"].values()) == sorted(e["day"] for e in base["sessions"].values())


@given(seeds)
def test_aligning_loses_no_session(seed):
    rng = random.Random(seed)
    base = content(rng)
    same_ids = regenerated(rng, base)
    aligned = align(base, same_ids, race_day="", new_race_day="")
    assert len(aligned["sessions"]) == len(same_ids["sessions"])


def test_the_race_keeps_its_id_on_another_day():
    rng = random.Random(6)
    old, new = content(rng, 1), content(rng, 1)
    for side, day in ((old, "2027-03-07"), (new, "2027-03-14")):
        (only,) = side["sessions"].values()
        only["kind"], only["day"] = "race", day
    aligned = align(old, new, race_day="2027-03-07", new_race_day="2027-03-14")
    assert aligned["sessions"].keys() == old["sessions"].keys()


def good() -> tuple[Any, str]:
    document = content(random.Random(9), 3)
    return document, sorted(document["sessions"])[0]


HOSTILE: list[tuple[str, Any]] = [
    ("not a list", {"op": "add"}),
    ("copy bomb", [{"op": "copy", "from": "/sessions", "path": "/sessions/{id}"}] * 40),
    ("move", [{"op": "move", "from": "/sessions/{id}", "path": "/sessions/{id}/day"}]),
    ("root", [{"op": "replace", "path": "", "value": {}}]),
    ("all sessions", [{"op": "remove", "path": "/sessions"}]),
    ("by position", [{"op": "remove", "path": "/sessions/1"}]),
    ("foreign field", [{"op": "add", "path": "/sessions/{id}/athlete", "value": 1}]),
    ("remove a field", [{"op": "remove", "path": "/sessions/{id}/day"}]),
    ("no value", [{"op": "replace", "path": "/sessions/{id}/load"}]),
    ("NaN", [{"op": "replace", "path": "/sessions/{id}/load", "value": math.nan}]),
    ("NUL", [{"op": "replace", "path": "/sessions/{id}/title", "value": "a\x00b"}]),
    ("half a pair", [{"op": "replace", "path": "/sessions/{id}/title", "value": "\ud800"}]),
    ("astronomic", [{"op": "add", "path": "/sessions/{id}/prescribed_work/x", "value": 1e300}]),
    ("negative zero", [{"op": "add", "path": "/sessions/{id}/prescribed_work/x", "value": -0.0}]),
    ("huge load", [{"op": "replace", "path": "/sessions/{id}/load", "value": 1e9}]),
    ("text as load", [{"op": "replace", "path": "/sessions/{id}/load", "value": "70"}]),
    ("true as load", [{"op": "replace", "path": "/sessions/{id}/load", "value": True}]),
    ("no day", [{"op": "replace", "path": "/sessions/{id}/day", "value": "2026-02-30"}]),
    ("compact day", [{"op": "replace", "path": "/sessions/{id}/day", "value": "20261201"}]),
    ("unknown kind", [{"op": "replace", "path": "/sessions/{id}/kind", "value": "sprint"}]),
    ("unknown reason", [{"op": "remove", "path": "/sessions/{id}", "reason": "whim"}]),
    ("endless note", [{"op": "remove", "path": "/sessions/{id}", "note": "x" * 3000}]),
    ("unknown session", [{"op": "remove", "path": f"/sessions/{new_id(random.Random(1))}"}]),
    (
        "half a session",
        [{"op": "add", "path": f"/sessions/{new_id(random.Random(2))}", "value": {"day": "2026-12-01"}}],
    ),
    ("test fails", [{"op": "test", "path": "/sessions/{id}/load", "value": 999}]),
    (
        "deep",
        [{"op": "replace", "path": "/sessions/{id}/prescribed_work", "value": {"a": [[[[[[[[[[[[[[1]]]]]]]]]]]]]]}}],
    ),
    ("many", [{"op": "remove", "path": "/sessions/{id}"}] * 501),
    ("large", [{"op": "replace", "path": "/sessions/{id}/title", "value": "x" * 600_000}]),
    ("upper-case id", [{"op": "remove", "path": "/sessions/{ID}"}]),
    ("blank title", [{"op": "replace", "path": "/sessions/{id}/title", "value": "  "}]),
    ("bad steps", [{"op": "replace", "path": "/sessions/{id}/prescribed_work/steps", "value": [{"type": "work"}]}]),
    ("last one bad", [{"op": "remove", "path": "/sessions/{id}"}, {"op": "remove", "path": "/sessions/{id}"}]),
]


@pytest.mark.parametrize(("name", "patch"), HOSTILE, ids=[name for name, _ in HOSTILE])
def test_a_hostile_patch_is_refused_whole(name, patch):
    document, session_id = good()
    before = deepcopy(document)
    if isinstance(patch, list):
        patch = [
            {**item, "path": item["path"].replace("{id}", session_id).replace("{ID}", session_id.upper())}
            for item in patch
        ]
    with pytest.raises(InvalidPatch) as refused:
        apply_patch(document, parse_patch(patch))
    assert refused.value.errors
    assert document == before


def test_a_summary_counts_what_changed():
    rng = random.Random(4)
    before = content(rng, 4)
    first, second, third, _ = sorted(before["sessions"])
    added = entry(rng)
    patch = [
        {"op": "replace", "path": f"/sessions/{first}/day", "value": "2026-12-31"},
        {"op": "remove", "path": f"/sessions/{second}", "reason": "injury"},
        {"op": "replace", "path": f"/sessions/{third}/title", "value": "6×800 m"},
        {"op": "add", "path": f"/sessions/{new_id(rng)}", "value": added},
    ]
    after = apply_patch(before, parse_patch(patch))
    summary = summarise(before, after, reasons=["injury"])
    assert summary.sessions == {"added": 1, "removed": 1, "replaced": 2, "moved": 1}
    lost = before["sessions"][second]["prescribed_work"]["duration_min"]
    won = added["prescribed_work"]["duration_min"]
    assert summary.volume["after_min"] - summary.volume["before_min"] == won - lost
    assert [m["to"] for m in summary.moved] == ["2026-12-31"]
    assert [s["after"] for s in summary.swaps] == ["6×800 m"]
    assert [d["session_id"] for d in summary.dropped] == [second]
    assert summary.reasons == {"injury": 1}
    assert "1 added, 1 removed, 2 replaced (1 moved)" in summary.sentence
    assert summarise(before, before).sentence == "Nothing changed."
