"""What coaches looked at, the clusters of what they changed, and the examples behind them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from modeling.learned.context import KINDS
from modeling.training.clusters import bands, clustered_share, clusters, within
from modeling.training.examples import examples
from modeling.training.exposed import Exposures, exposures, holds, whens
from modeling.training.null_cohorts import cohort
from tests.support.overriding import World, rows_of, write_store

pytestmark = pytest.mark.pure
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def saturday(coach: int, kind: str, weekday: int) -> float:
    """Most coaches shorten Saturday's long run; two never change anything."""
    return 0.0 if coach >= 4 else 0.8 if (kind, weekday) == ("long", 5) else 0.1


@pytest.fixture(scope="module")
def world() -> World:
    return World(coaches=6, athletes=5, chance=saturday, seed=3)


@pytest.fixture(scope="module")
def read(world: World, tmp_path_factory: pytest.TempPathFactory) -> Exposures:
    store = write_store(tmp_path_factory.mktemp("store"), world)
    return exposures(store.connect(as_of=LATER))


def test_every_proposed_session_of_a_submission_counts_once(world: World, read: Exposures) -> None:
    rows = rows_of(world)
    assert len(read.reviews.coach) == len(rows["reviews"])
    assert Counter(read.sessions.ids) == Counter(row["session"] for row in rows["sessions"])
    changed = {row["session"] for row in rows["overrides"]}
    assert set(read.sessions.ids[read.sessions.changes != 0]) == changed
    assert read.is_synthetic


def test_contexts_are_those_of_the_rows(world: World, read: Exposures) -> None:
    rows = rows_of(world)
    by_id = {row["session"]: row for row in rows["sessions"]}
    profile = {row["athlete"]: f"{row['sport']} {row['level']}" for row in rows["athletes"]}
    seasons = ("winter", "spring", "summer", "autumn")
    facts = [
        {
            "phase": row["phase"],
            "weekday": str(row["day"].weekday()),
            "season": seasons[row["day"].month % 12 // 3],
            "group": profile[row["athlete"]],
        }
        for row in (by_id[one] for one in read.sessions.ids)
    ]
    for field, value in whens():
        if field != "after":
            expected = [one[field] == value for one in facts]
            assert holds(read, field, value).tolist() == expected, (field, value)


def test_reasons_of_the_week_before_count_only_where_they_were_known(tmp_path: Path) -> None:
    world = World(coaches=2, athletes=1, plans=2, chance=lambda *_: 1.0)
    read = exposures(write_store(tmp_path, world).connect(as_of=LATER))
    rows = rows_of(world)
    by_id = {row["session"]: row for row in rows["sessions"]}
    proposed = {row["plan"]: row["available_at"] for row in rows["plans"]}
    found = holds(read, "after", "travel")
    for session, is_after in zip(read.sessions.ids, found, strict=True):
        row = by_id[session]
        monday = row["day"] - timedelta(days=row["day"].weekday())
        known = [
            one for one in rows["overrides"]
            if one["athlete"] == row["athlete"] and one["reason"] == "travel"
            and one["available_at"] <= proposed[row["plan"]]
            and monday - timedelta(days=7) <= one["day"] < monday
        ]  # fmt: skip
        assert is_after == bool(known)
    assert found.any()
    assert not found.all()


def test_nothing_that_came_later_is_seen(world: World, tmp_path: Path) -> None:
    store = write_store(tmp_path, world)
    cut = world.begin + timedelta(days=30)
    found = exposures(store.connect(as_of=cut))
    assert 0 < len(found.reviews.coach) < len(rows_of(world)["reviews"])
    assert np.isnan(found.reviews.adherence).all()


def test_an_empty_store_has_no_clusters(tmp_path: Path) -> None:
    found = exposures(write_store(tmp_path, World(coaches=0)).connect(as_of=LATER))
    assert clusters(found) == ((), 0)


def test_the_planted_cluster_leads_its_kind(read: Exposures) -> None:
    found, _ = clusters(read, least_people=1)
    mine = next(one for one in found if (one.kind, one.field, one.value) == ("long", "weekday", "5"))
    assert mine.band == "by 15–30 %"
    assert mine.factor == pytest.approx(0.8)
    assert mine.reason == "travel"
    assert mine.coaches == 4
    made = read.did("shortened") & (read.sessions.kind == KINDS.index("long"))
    inside = (read.sessions.weekday == 5) & (read.sessions.kind == KINDS.index("long"))
    assert mine.share.value == pytest.approx(made[inside].mean())
    assert mine.elsewhere == pytest.approx(made[(read.sessions.weekday == 4)].sum() / inside.sum())
    assert mine.share.low < 4 / 6 * 0.8 < mine.share.high
    assert mine.lift > 3


def test_small_clusters_are_hidden_and_counted(read: Exposures) -> None:
    everything, none_hidden = clusters(read, least_people=1)
    some, hidden = clusters(read, least_people=15)
    assert none_hidden == 0
    assert hidden == len(everything) - len(some) > 0
    assert all(one.athletes >= 15 for one in some)


def test_shares_are_clustered_and_never_narrower_than_independent_ones() -> None:
    coach = np.repeat(np.arange(10), 100)
    all_or_none = np.repeat(np.arange(10) % 2 == 0, 100)
    alike = np.tile(np.arange(100) % 2 == 0, 10)
    wide, narrow = clustered_share(coach, all_or_none, 10), clustered_share(coach, alike, 10)
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)
    assert narrow.high - narrow.low > 0.06
    assert clustered_share(coach[:100], alike[:100], 10).low is None


def test_a_difference_is_within_coaches() -> None:
    """Coaches who change much have fitter athletes; within each, a change costs 0.1."""
    draw = np.random.default_rng(1)
    coach = np.repeat(np.arange(30), 40)
    treated = draw.random(1200) < (0.1 + 0.8 * coach / 30)
    outcome = coach / 30 - 0.1 * treated + draw.normal(0, 0.05, 1200)
    found = within(coach, outcome, treated, ~treated, 30)
    assert found.low < -0.1 < found.high
    assert found.high - found.low < 0.05
    assert outcome[treated].mean() > outcome[~treated].mean()  # what a comparison across coaches would have said


def test_intervals_of_differences_hold_what_they_say() -> None:
    """400 draws: 95 % intervals miss in 5 %; more than 8.3 % would be beyond 3 standard errors."""
    missed = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        coach = np.repeat(np.arange(15), 12)
        treated = draw.random(180) < 0.4
        slope = draw.normal(0.0, 0.2, 15)
        outcome = draw.normal(0, 1, 15)[coach] + slope[coach] * treated + draw.normal(0, 0.5, 180)
        found = within(coach, outcome, treated, ~treated, 15)
        missed += not found.low <= 0.0 <= found.high
    assert missed / 400 < 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_what_every_coach_always_or_never_does_is_not_identifiable() -> None:
    coach = np.repeat(np.arange(10), 20)
    always = coach < 5
    found = within(coach, np.random.default_rng(0).normal(size=200), always, ~always, 10)
    assert not found.is_identifiable
    assert (found.low, found.high, found.coaches) == (None, None, 0)


def test_bands_part_a_change(read: Exposures) -> None:
    made = cohort(1)
    shortened = [mask for change, _, mask in bands(made) if change == "shortened"]
    assert (np.sum(shortened, axis=0) == made.did("shortened")).all()


def test_clusters_are_the_same_each_time(read: Exposures) -> None:
    assert clusters(read) == clusters(replace(read))


def test_examples_are_the_newest_and_say_no_whole_token(world: World, tmp_path: Path) -> None:
    opened = write_store(tmp_path, world).connect(as_of=LATER)
    read = exposures(opened)
    hit = read.did("shortened")
    found = examples(opened, read, hit, most=10)
    rows = rows_of(world)
    newest = sorted((row["available_at"] for row in rows["overrides"]), reverse=True)[:10]
    assert len(found) == 10
    assert all(one.before == 60 and one.after == pytest.approx(48) and one.what == "volume" for one in found)
    assert not any(one.to_kind or one.shift for one in found)
    assert all(len(one.coach) == len(one.athlete) == 6 and ":" not in one.coach for one in found)
    assert {one.became for one in found} <= {"done", "skipped"}
    assert newest[-1] <= newest[0]
    assert examples(opened, read, np.zeros(len(hit), dtype=bool)) == []
