"""What the export writes of a plan's life, when each row counts as known, and that nothing is written twice."""

from __future__ import annotations

import gc
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted
from common.management.base import COMMAND_LINE
from modeling.models import Activity, Test
from modeling.services.corrections import correct_row, delete_row
from modeling.services.record_test import add_test, add_threshold
from modeling.training.contract import TABLES
from plans.services.complete_session import complete_session
from plans.services.export_features import export_features
from plans.services.move_session import move_session
from plans.services.rate_cycle import rate_cycle
from telemetry.tokens import person_token
from tests.factories import make_athlete, make_user
from tests.features.making import MONDAY, World, at, consent, export, files, make_world, rows, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return make_world()


def by(found: list[dict[str, Any]], *names: str) -> dict[Any, dict[str, Any]]:
    return {tuple(row[name] for name in names): row for row in found}


def test_a_plans_life_is_told(world: World):
    with at(20):
        done = export()
        assert done.athletes == 1
        store().verify()
        token, coach = person_token(world.review.athlete.pk), person_token(world.review.coach.pk)
        plan = str(world.review.plan_id)
        everybody = {row["athlete"] for name in TABLES for row in rows(name)}
        assert everybody == {token} == store().consented()
        (proposal,) = rows("plans")
        assert (proposal["plan"], proposal["version_number"], proposal["coach"]) == (plan, 1, coach)
        assert (proposal["race"], proposal["race_date"]) == ("10k", _race_day(world))
        assert proposal["available_at"] == MONDAY
        decisions = [(row["decision"], row["coach"], row["version_number"], row["baseline_number"], row["rating"])
                     for row in rows("reviews")]  # fmt: skip
        assert decisions == [("submit", coach, 2, 1, None), ("accept", coach, 2, 1, 4)]
        assert [(row["what"], row["score"]) for row in rows("satisfaction")] == [("plan", 4)]
        (profile,) = rows("athletes")
        assert (profile["sport"], profile["level"], profile["tier"], profile["is_synthetic"]) == (
            "running",
            "intermediate",
            "elite",
            False,
        )


def _race_day(world: World) -> date:
    return date.fromisoformat(next(one["day"] for one in world.review.sessions() if one["kind"] == "race"))


def test_overrides_are_net_with_their_reasons(world: World):
    with at(5):
        export()
        found = by(rows("overrides"), "session", "adjustment")
    cut, dropped, moved = (world.cut["session_id"], world.dropped["session_id"], world.moved["session_id"])
    assert found.keys() == {(cut, "volume"), (dropped, "rest"), (moved, "move")}
    assert found[cut, "volume"]["volume_factor"] == 0.5
    assert found[cut, "volume"]["reason"] == "travel"
    assert found[dropped, "rest"]["to_kind"] == "rest"
    assert found[dropped, "rest"]["from_kind"] == world.dropped["kind"]
    assert found[dropped, "rest"]["reason"] == "illness"
    assert found[moved, "move"]["day_shift"] == 1
    assert found[moved, "move"]["day"].isoformat() == world.moved["day"]  # as proposed
    assert found[moved, "move"]["reason"] == "coach_judgement"  # none of its own: the submission's
    assert {row["available_at"] for row in found.values()} == {MONDAY + timedelta(days=1.5)}
    with at(1.4) as before:
        assert rows("overrides", before) == []


def test_what_was_changed_back_is_no_override(world: World):
    session = world.kept
    with at(2.5):
        for title in ("Other", session["title"]):
            path = f"/sessions/{session['session_id']}/kind"
            kind = "tempo" if title == "Other" else session["kind"]
            answer = world.review.patch([{"op": "replace", "path": path, "value": kind, "reason": "fatigue"}])
            assert answer.status_code == 200, answer.content
        assert world.review.submit(reason="coach_judgement").status_code == 200
    with at(5):
        export()
        submissions = [row["review"] for row in rows("reviews") if row["decision"] == "submit"]
        assert len(submissions) == 2
        told = by(rows("overrides"), "review", "session")
        assert (submissions[1], session["session_id"]) not in told
        assert (submissions[1], world.cut["session_id"]) in told  # still differs from the machine's
        assert told[submissions[1], world.cut["session_id"]]["reason"] == "travel"


def test_sessions_are_proposed_and_then_published(world: World):
    with at(5):
        export()
        found = rows("sessions")
    proposed = by([row for row in found if row["role"] == "proposed"], "session")
    published = by([row for row in found if row["role"] == "published"], "session")
    assert {row["version_number"] for row in proposed.values()} == {1}
    assert {row["version_number"] for row in published.values()} == {2}
    assert {row["available_at"] for row in proposed.values()} == {MONDAY}
    assert {row["available_at"] for row in published.values()} == {MONDAY + timedelta(days=2)}
    assert proposed.keys() - published.keys() == {(world.dropped["session_id"],)}
    was, now = (side[world.cut["session_id"],] for side in (proposed, published))
    assert now["minutes"] == was["minutes"] / 2
    assert was["day"].isoformat() == world.cut["day"]
    (race,) = (row for row in published.values() if row["kind"] == "race")
    assert race["weeks_to_race"] == 0
    weeks = {week["number"]: week for week in world.review.version()["weeks"]}
    for row in proposed.values():
        week = weeks[row["week_number"]]
        assert (row["phase"], row["is_recovery"]) == (week["phase"], week["is_recovery"])
        monday = date.fromisoformat(week["monday"])
        assert monday <= row["day"] <= monday + timedelta(days=6)


def test_an_athletes_own_move_is_no_submission_of_a_coach(world: World):
    with at(2.5):
        day = date.fromisoformat(world.kept["day"])
        for shift in (1, -1, 2, -2, 3):
            new = day + timedelta(days=shift)
            if new - timedelta(days=new.weekday()) == day - timedelta(days=day.weekday()):
                break
        session = world.kept["session_id"]
        move_session(plan_id=world.review.plan_id, session_id=session, day=new, acting_user=world.review.user)
    with at(5):
        export()
        assert [row["decision"] for row in rows("reviews")] == ["submit", "accept", "accept"]
        assert [row["coach"] is None for row in rows("reviews")] == [False, False, True]
        assert {row["version_number"] for row in rows("overrides")} == {2}
        assert {row["version_number"] for row in rows("sessions") if row["role"] == "published"} == {2, 3}


def test_outcomes_wait_until_they_are_mature(world: World):
    with at(2.1):
        add_test(
            athlete_id=world.review.athlete.pk, day=date(2026, 5, 1), value=40.0, kind="race", acting_user=COMMAND_LINE
        )
    due = [row for row in world.review.sessions() if row["kind"] not in ("rest", "race") and row["day"] >= "2026-06-03"]
    with at(100):
        late = clock.now()
        complete_session(session_id=due[0]["session_id"], status="done", acting_user=world.review.user)
    with at(50):
        complete_session(session_id=due[1]["session_id"], status="partly", acting_user=world.review.user)
        complete_session(session_id=due[2]["session_id"], status="done", acting_user=world.review.user)
        rate_cycle(plan_id=world.review.plan_id, score=2, acting_user=world.review.user)
        add_test(
            athlete_id=world.review.athlete.pk, day=date(2026, 7, 15), value=42.0, kind="race", acting_user=COMMAND_LINE
        )
    with at(200):
        export()
        (outcome,) = rows("outcomes")
        assert outcome["from_day"] == date(2026, 6, 3)
        last = outcome["until_day"]
        assert last >= _race_day(world)
        assert outcome["available_at"] == datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=15)
        assert outcome["available_at"] < late  # so that the session that was told later counts as not done
        assert (outcome["due"], outcome["done"]) == (len(due), 1.5)
        assert outcome["improvement_percent"] == pytest.approx(5.0)
        assert outcome["satisfaction"] == 3.0
        assert rows("outcomes", outcome["available_at"] - timedelta(microseconds=1)) == []


def test_a_correction_counts_as_known_from_then_on(world: World):
    athlete = world.review.athlete.pk
    with at(3):
        activity = _activities(athlete)[0]
        correct_row(
            kind="activity", row_id=activity.pk, changes={"duration_s": 1800}, reason="x", acting_user=COMMAND_LINE
        )
    with at(4):
        add_test(athlete_id=athlete, day=date(2026, 6, 2), value=40.0, kind="race", acting_user=COMMAND_LINE)
    with at(6) as gone:
        with unit_of_work(COMMAND_LINE, read_only=True):
            test = Test.objects.get(athlete=athlete)
        delete_row(kind="test", row_id=test.pk, reason="wrong", acting_user=COMMAND_LINE)
    with at(7):
        export()
        found = by(rows("activities"), "activity")
        assert found[str(activity.pk),]["available_at"] == MONDAY + timedelta(days=3)
        assert found[str(activity.pk),]["minutes"] == 30
        assert rows("tests") == []
        (before,) = rows("tests", gone - timedelta(seconds=1))
        assert before["withdrawn_at"] is None
    with at(8):
        since = date(2026, 5, 30)
        add_threshold(
            athlete_id=athlete, sport="running", valid_from=since, pace_s_per_km=300, acting_user=COMMAND_LINE
        )
        export()
        later = by(rows("activities"), "activity")
        assert {row["available_at"] for row in later.values() if row["day"] >= since} == {MONDAY + timedelta(days=8)}


def _activities(athlete: Any) -> list[Activity]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(Activity.objects.filter(athlete=athlete).order_by("day"))


def test_without_consent_nobody_is_there(world: World):
    make_athlete(name="Says nothing")
    with at(5):
        consent(world.review.athlete.pk, granted=False)
        done = export()
        assert done.athletes == 0
        assert set(done.rows.values()) == {0}
        assert files() == {}
        store().verify()


def test_nothing_is_written_twice(world: World):
    collecting = gc.get_threshold(), gc.get_freeze_count()
    with at(5):
        first = export()
        manifest, written = store().manifest, files()
    with at(6):
        again = export()
        assert (again.written, again.removed, again.kept) == (0, 0, first.written)
        assert (gc.get_threshold(), gc.get_freeze_count()) == collecting
        assert again.data_sha256 == first.data_sha256
        assert store().manifest.parts == manifest.parts
        assert files() == written
    with at(40):
        make_more = world.review.as_athlete.get(f"{world.review.url}")
        assert make_more.status_code == 200
        session = world.kept["session_id"]
        complete_session(session_id=session, status="skipped", acting_user=world.review.user)
        third = export()
        assert third.written == 1  # a month of completions
        assert third.removed == 0


def test_damage_heals(world: World):
    with at(5):
        export()
        whole = files()
        root = store()._place
        for name in list(whole)[:3]:
            root.write(name.split("/", 1)[1], b"broken")
        assert export().kept == len(whole)
        assert files() == whole
        store().verify()
        root.write("manifest.json", b"{")
        export()
        assert files() == whole


def test_as_of_an_earlier_moment_is_what_was_known_then(world: World):
    with at(2.2) as then:
        export()
        expected = {name: rows(name, then) for name in TABLES}
    with at(2.5):
        add_test(
            athlete_id=world.review.athlete.pk, day=date(2026, 6, 2), value=40.0, kind="race", acting_user=COMMAND_LINE
        )
    with at(9):
        export(as_of=then)
        assert {name: rows(name) for name in TABLES} == expected
        assert store().manifest.as_of == then
        with pytest.raises(InvalidInput):
            export(as_of=clock.now() + timedelta(seconds=1))


def test_another_token_key_makes_other_files(world: World, settings: Any):
    with at(5):
        export()
        before = files()
        settings.TELEMETRY_TOKEN_KEYS = {**settings.TELEMETRY_TOKEN_KEYS, 2: settings.TELEMETRY_TOKEN_KEYS[1][::-1]}
        settings.TELEMETRY_TOKEN_KEYS[2] = "c" * 43 + "="
        export()
        assert before.keys() & files().keys() == set()
        assert all(row["athlete"].startswith("v2:") for name in TABLES for row in rows(name))


def test_people_need_the_right_to_operate(world: World):
    with pytest.raises(NotPermitted):
        export_features(acting_user=world.review.coach)
    assert files() == {}
    with at(5):
        assert export_features(acting_user=make_user("admin")).athletes == 1
