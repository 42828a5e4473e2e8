"""The warehouse against an oracle in plain Python, on a random cohort, and against answers computed by hand."""

from __future__ import annotations

import random
import socket
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from telemetry import synthetic
from telemetry.dashboards import plans
from telemetry.dashboards.asked import Asked, asked_of
from telemetry.dashboards.marts import Marts
from telemetry.dashboards.people import is_about_people
from telemetry.dashboards.reach import Reach
from telemetry.dashboards.success import standings
from telemetry.metric_definitions import definitions
from telemetry.pages.accuracy import accuracy
from telemetry.pages.frame import page_of
from telemetry.pages.overview import overview
from telemetry.pages.service import past
from telemetry.pages.targets import targets
from telemetry.synthetic import Cohort
from telemetry.warehousing.build import Outcome
from telemetry.warehousing.published import current
from tests.support import chance
from tests.telemetry.warehouse import oracle
from tests.telemetry.warehouse.building import AS_OF, COACH, COACH_2, built, places, rows, uid
from tests.telemetry.warehouse.written_out import leave_rows_of_others, written_out

pytestmark = [pytest.mark.pure, pytest.mark.long]

FUNNEL = (
    "generated", "reviewed", "approved", "published", "completed", "waiting_for_review", "waiting_for_answer",
    "waiting_for_publishing", "running", "replaced",
)  # fmt: skip
QUERY = "SELECT metric, week, sum(numerator), sum(denominator) FROM mart_metrics_weekly GROUP BY ALL"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was looked up or connected to; kept, since dbt would swallow an error about it.

    But for this machine itself: threads that earlier tests left may still look for their servers.
    """
    found: list[object] = []

    def look_up(*place: Any, **_: Any) -> list[Any]:
        if place[0] not in ("127.0.0.1", "localhost", "::1"):
            found.append(place)
        return []

    def connect(_: Any, place: Any) -> None:
        if not isinstance(place, tuple) or place[0] not in ("127.0.0.1", "::1"):
            found.append(place)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return found


@pytest.mark.chance
def test_every_metric_is_what_an_oracle_says_of_the_same_events(tmp_path: Path, asked: list[object]) -> None:
    """Duplicates, any order of arrival: the numbers are those of the set of events. Nobody outside is asked."""
    seed = chance.seed()
    print(f"MESOCYCLE_SEED={seed}")  # noqa: T201  # shown where it fails
    cohort = Cohort(athletes=40, coaches=4, weeks=20, until=AS_OF.date(), seed=seed)
    told = list(synthetic.events(cohort))
    random.Random(seed).shuffle(told)
    with places(tmp_path):
        done = built(tmp_path, [*told, *told[::7]])
        assert not done.bad, done.bad
        assert asked == []
        rows_ = rows(QUERY)
        assert rows("SELECT DISTINCT metric FROM mart_metrics_weekly WHERE numerator IS NULL") == []
        pages_say_what_was_published()
    found = {(metric, week): (y, d) for metric, week, y, d in rows_}
    expected = oracle.weekly(told, AS_OF)
    assert {metric for metric, _ in expected} == definitions().keys()
    zero = {key for key, (y, d) in found.items() if not y and not d}
    assert found.keys() - zero == {key for key, (y, d) in expected.items() if y or d}
    for key in found.keys() - zero:
        assert found[key] == pytest.approx(expected[key], rel=1e-9), key


def pages_say_what_was_published() -> None:
    """Each page reads what dbt really builds, for each kind of reader; parts added up are the whole."""
    build = current()
    assert build is not None
    tokens = frozenset(token for (token,) in rows("SELECT DISTINCT coach_id FROM mart_plans"))
    readers = (Reach(None), Reach(None, is_pseudonymous=True), Reach(tokens))
    for reach in readers:
        for find in (overview, targets, accuracy, past):
            page = page_of(reach, {"span": "all"}, find)
            assert page.nothing is None, (find, page.nothing)
            assert find is past or not page.found.is_empty, find
    oldest = rows("SELECT min(week) FROM mart_metrics_weekly")[0][0]
    every = asked_of({"span": "all"}, as_of=AS_OF, oldest=oldest)
    with Marts(build, readers[0]) as whole, Marts(build, readers[2]) as parts:
        assert seen(whole, every) == seen(parts, every)
        steps = plans.funnel(whole, every)
    reached = [steps.reached[name].value for name in plans.STAGES]
    waiting = [steps.waiting[name].value for name in ("review", "answer", "publishing", "running", "replaced")]
    sums = ", ".join(f"sum({name})::DOUBLE" for name in FUNNEL)
    assert [(*reached, *waiting)] == rows(f"SELECT {sums} FROM mart_funnel WHERE week < DATE '{every.until}'")


def seen(marts: Marts, every: Asked) -> dict[str, list[float | None]]:
    """Return each target's line, to the ninth digit."""
    return {
        one.definition.name: [None if at.value is None else round(at.value, 9) for at in one.trend]
        for one in standings(marts, every)
        if is_about_people(one.definition)
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """The data set that was written out, built; what is published stays for the module."""
    folder = tmp_path_factory.mktemp("small")
    leave_rows_of_others(folder / "telemetry")
    with places(folder):
        yield built(folder, written_out())


def test_numbers_computed_by_hand(small: Outcome) -> None:
    metrics: dict[str, dict[date, tuple[float, float]]] = defaultdict(dict)
    for metric, monday, y, d in rows(QUERY):  # fmt: skip
        metrics[metric][monday] = y, d
    # Two sessions were due in the week of the 9th (one done, one partly), one in the next (nobody said); the race on
    # the 17th ends the plan, so that of March 5th is not due.
    assert metrics["adherence"] == {date(2026, 2, 9): (1.5, 2), date(2026, 2, 16): (0, 1)}
    assert metrics["plan_completion"] == {date(2026, 2, 16): (0, 1)}  # 1.5 of 3 is not more than half
    assert metrics["override_frequency"] == {date(2026, 2, 2): (2, 2)}
    assert metrics["acceptance"] == {date(2026, 2, 2): (1, 2)}
    assert metrics["time_to_approval"] == {date(2026, 2, 2): (14, 2)}  # 12 h and 2 h
    assert metrics["satisfaction"] == {date(2026, 2, 16): (5, 1)}  # the later rating counts
    assert metrics["prediction_error"] == {date(2026, 2, 16): (4, 1)}
    assert metrics["performance_improvement"] == {date(2026, 2, 16): (pytest.approx(4.1667), 1)}

    funnel = rows("SELECT week, coach_id, generated, reviewed, approved, published, completed, waiting_for_review"
                  " FROM mart_funnel ORDER BY week, experiment_arm, coach_id")  # fmt: skip
    assert funnel == [
        (date(2026, 2, 2), COACH, 1, 1, 1, 0, 0, 0),
        (date(2026, 2, 2), COACH, 1, 1, 1, 1, 1, 0),
        (date(2026, 2, 23), COACH_2, 1, 0, 0, 0, 0, 1),
    ]
    changes = rows("SELECT plans, unchanged, volume, intensity, rest_days FROM mart_changes ORDER BY experiment_arm")
    assert changes == [(1, 1, 0, 0, 0), (1, 0, 1, 0, 1)]
    assert rows("SELECT reason, edits, volume_percent_sum FROM mart_reasons") == [("travel", 2, -30)]
    assert rows("SELECT count(*), sum(volume_percent) FROM mart_edits") == [(2, -30)]
    assert rows("SELECT races, error_percent_sum FROM mart_accuracy") == [(1, 4)]
    hours = "SELECT hours_to_review, hours_to_answer, hours_to_approval FROM mart_plans WHERE experiment_arm = 'x:b'"
    assert rows(hours) == [(3, 9, 12)]
    success = "SELECT value, n, is_met FROM mart_success WHERE metric = 'satisfaction'"
    assert rows(success) == [(5, 1, True)]


def _expected() -> list[tuple[str, str, str | None]]:
    return sorted([
        ("broken", uid(4), "data: no JSON"),
        ("broken", uid(5), "data: no object"),
        ("broken", uid(6), "added: missing or no number"),
        ("broken", uid(7), "added: missing or no number"),
        ("broken", uid(8), "unknown type"),
        ("broken", uid(9), "unknown version"),
        ("broken", uid(10), "no subject"),
        ("broken", "", "no id"),
        ("broken", uid(13), "added: no number that fits"),
        ("broken", uid(14), "data: no JSON"),
        ("duplicate", uid(1), None),
        ("future", uid(3), None),
        ("late", uid(2), None),
    ], key=repr)  # fmt: skip


def test_broken_duplicate_late_and_future_events_and_files(small: Outcome) -> None:
    assert not small.bad and small.unreadable == 2
    query = "SELECT reason, coalesce(id, ''), detail FROM mart_quarantine WHERE reason <> 'unreadable file'"
    assert sorted(rows(query), key=repr) == _expected()
    files = "SELECT file, detail FROM mart_quarantine WHERE reason = 'unreadable file' ORDER BY file"
    place = "type=activity.imported/day=2026-02-27"
    assert rows(files) == [
        (f"{place}/another-layout.parquet", "column id is int64"),
        (f"{place}/torn.parquet", "no Parquet file (ArrowInvalid)"),
    ]
    found = current()
    assert found is not None and found.events == 18 + 1  # those of the plans, and the one good one of others
