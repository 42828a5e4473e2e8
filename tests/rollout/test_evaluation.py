"""The order of a decision, against an oracle in plain words; shares, stickiness and independence of the hash."""

from __future__ import annotations

import itertools
import math
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.evaluation import FULL, NOTHING, FlagState, Override, Snapshot, Subject, bucket, decide, explain

pytestmark = pytest.mark.pure
NOW = 1_800_000_000.0
TIERS = ("free", "basic", "guided", "premium", "elite")


def oracle(flag: FlagState, subject: Subject | None, killed: bool) -> bool:
    """The rule as the requirements say it, in the words of the requirements."""
    if flag.killed or killed:
        return False
    if subject is None or subject.id == "":
        return False
    override = flag.overrides.get(subject.id)
    if override and not (override.expires_at is not None and override.expires_at <= NOW):
        return override.value
    if flag.admin_override is not None:
        return flag.admin_override
    satisfied = {"": TIERS, "elite": ("elite", "premium", "guided"), "free": TIERS, "premium": ("premium", "elite")}
    may = flag.enabled and subject.tier in satisfied[flag.requires_tier]
    return may and (subject.id in flag.allowlist or bucket(subject.id, flag.salt) < flag.rollout_thousandths)


def test_every_combination_decides_as_the_requirements_say():
    overrides = [{}, *({"s": Override(v, end)} for v in (True, False) for end in (None, NOW - 1, NOW, NOW + 1))]
    subjects = [None, Subject(""), *(Subject("s", tier) for tier in TIERS)]
    combinations = itertools.product(
        (True, False), overrides, (None, True, False), (True, False), ("", "elite", "free", "premium"),
        (frozenset(), frozenset({"s"}), frozenset({"t"})), (0, 1, 50_000, FULL), subjects, (True, False),
    )  # fmt: skip
    count = 0
    for killed, override, admin, enabled, tier, allowed, share, subject, outside in combinations:
        flag = FlagState("f", enabled, tier, share, "salt", killed, admin, allowed, override)
        found = decide(flag, subject, now=NOW, killed=outside)
        assert found.value is oracle(flag, subject, outside), (flag, subject, outside)
        assert found.reason
        count += 1
    assert count == 72_576


@given(st.uuids(), st.text("0123456789abcdef", min_size=4, max_size=16), st.integers(0, FULL), st.integers(0, FULL))
def test_whoever_is_in_stays_in_when_the_share_grows(subject, salt, one, other):
    small, large = sorted((one, other))
    flags = [FlagState("f", True, "", share, salt) for share in (small, large)]
    was, now = (decide(flag, Subject(str(subject)), now=NOW).value for flag in flags)
    assert now or not was


@pytest.mark.parametrize("thousandths", [100, 1_000, 5_000, 25_000, 50_000])
def test_the_share_is_what_was_asked_for(thousandths):
    n = 200_000
    share = thousandths / FULL
    inside = sum(bucket(str(UUID(int=i * 2654435761 + 7)), "a1b2") < thousandths for i in range(n))
    assert abs(inside - n * share) <= 4 * math.sqrt(n * share * (1 - share))


def test_two_flags_first_percents_meet_by_chance_only():
    n, share = 200_000, 0.01
    ids = [str(UUID(int=i * 2654435761 + 7)) for i in range(n)]
    both = sum(bucket(i, "one") < 1_000 and bucket(i, "two") < 1_000 for i in ids)
    assert abs(both - n * share**2) <= 4 * math.sqrt(n * share**2)


def test_an_unknown_flag_is_off():
    assert decide(None, Subject("s", "elite"), now=NOW).value is False
    assert decide(NOTHING.flags.get("f"), Subject("s"), now=NOW).reason == "unknown_flag"


def test_the_copy_on_disk_reads_back():
    flag = FlagState("f", True, "elite", 5, "salt", False, None, frozenset({"a"}), {"b": Override(True, NOW)})
    snapshot = Snapshot("v", NOW, "database", {"f": flag})
    again = Snapshot.from_json(snapshot.as_json())
    assert again.flags == snapshot.flags
    assert (again.version, again.source) == ("v", "disk")
    for broken in ({}, {"version": "v", "made_at": NOW, "flags": [{"key": "f"}]}, {"version": 1, "made_at": "x"}):
        with pytest.raises((KeyError, ValueError, TypeError)):
            Snapshot.from_json(broken)


def test_the_explanation_marks_the_step_that_decided():
    flag = FlagState("f", True, "elite", 0, "salt", overrides={"s": Override(True, NOW - 1)})
    steps = explain(flag, Subject("s", "free"), now=NOW)
    assert [step["step"] for step in steps if step["decided"]] == ["tier"]
    assert steps[2]["saw"] == {"value": True, "holds": False}
    everyone = explain(FlagState("f", True, "", FULL, "salt"), Subject("s"), now=NOW)
    assert [step["step"] for step in everyone if step["decided"]] == ["percentage"]
