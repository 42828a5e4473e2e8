"""The synthetic cohort is made of events that our own schemas allow, and says what it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from telemetry.landing import land
from telemetry.schema_files import check_data, version_of
from telemetry.synthetic import SOURCE, Cohort, events, token

pytestmark = [pytest.mark.pure]

COHORT = Cohort(athletes=12, coaches=3, weeks=20, service_days=1, known_coaches=("v1:" + "c" * 64,))


def test_every_event_is_valid_synthetic_and_in_order() -> None:
    told = list(events(COHORT))
    assert {one["source"] for one in told} == {SOURCE}
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        check_data(one["type"], version_of(one["dataschema"]), one["data"])
    for number in range(COHORT.athletes):
        own = [one["time"] for one in told if one["data"].get("athlete") == token(COHORT, "athlete", number)]
        moments = [datetime.fromisoformat(one) for one in own]
        assert moments == sorted(moments) and moments[-1].date() < COHORT.until
    assert {one["data"]["coach_id"] for one in told if "coach_id" in one["data"]} >= set(COHORT.known_coaches)


def test_the_same_seed_says_the_same_and_another_does_not() -> None:
    assert list(events(COHORT)) == list(events(COHORT))
    other = Cohort(athletes=12, coaches=3, weeks=20, service_days=1, seed=2)
    assert not {one["id"] for one in events(COHORT)} & {one["id"] for one in events(other)}


def test_landing_twice_leaves_each_event_once(tmp_path: Path) -> None:
    told = list(events(Cohort(athletes=2, coaches=1, weeks=8, service_days=1)))
    assert land(told, tmp_path) == len(told)
    files = sorted(tmp_path.rglob("*.parquet"))
    land(told, tmp_path)
    assert sorted(tmp_path.rglob("*.parquet")) == files
    assert sum(pq.read_metadata(one).num_rows for one in files) == len(told)
