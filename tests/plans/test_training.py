"""What athletes do with a published plan: read it, move, complete, race, rate; the load counts once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db.models import Sum
from icalendar import Calendar

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.history.checks import make_activity
from modeling.models import Activity
from modeling.services.import_history import add_activities
from plans.models import SessionCompletion
from tests.factories import api_of, make_user
from tests.plans.review import Review, make_review, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def published():
    review = make_review()
    review.submit()
    assert review.decide("accept").json()["status"] == "published"
    return review


def first_due(review: Review, *, skip: int = 0):
    """The first sessions that are neither rest nor race, with the day on which they stand."""
    return [s for s in review.editable() if s["prescribed_work"]["duration_min"]][skip]


def at(day: str):
    """Let it be noon of a day."""
    return clock.frozen(clock.now().fromisoformat(f"{day}T12:00:00+00:00"))


def load_on(review: Review, day: str) -> float:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = Activity.objects.filter(athlete=review.athlete, day=day, deleted_at=None)
        return rows.aggregate(total=Sum("load"))["total"] or 0.0


def import_run(review: Review, day: str, minutes: float, load: float = 60.0):
    parsed = make_activity(
        source_name="watch.fit",
        sport="running",
        started_at=clock.now().fromisoformat(f"{day}T07:00:00+00:00"),
        duration_s=minutes * 60,
        distance_m=minutes * 190,
        load=load,
        load_unit="TSS",
        load_source="device",
    )
    return add_activities(athlete_id=review.athlete.pk, activities=[parsed], acting_user=review.user)


def test_the_schedule_is_what_was_published(published):
    until = (clock.today() + timedelta(weeks=12)).isoformat()
    url = f"/api/v1/athletes/{published.athlete.pk}/schedule"
    due = published.as_athlete.get(url, {"until": until}).json()
    assert {d["session_id"] for d in due} == {
        s["session_id"] for s in published.sessions() if s["day"] >= clock.today().isoformat()
    }
    published.patch([replace_op(published.editable()[0], "title", "Secret draft")])
    assert "Secret draft" not in str(published.as_athlete.get(url, {"until": until}).json())
    assert api_of(make_user("coach")).get(url).status_code == 404
    assert published.as_coach.get(url, {"from": "yesterday"}).status_code == 400


def test_small_answers_are_304_while_nothing_changes(published):
    session = first_due(published)
    with at(session["day"]):
        first = published.as_athlete.get("/api/v1/me/today")
        assert session["session_id"] in [d["session_id"] for d in first.json()]
        again = published.as_athlete.get("/api/v1/me/today", HTTP_IF_NONE_MATCH=first["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        published.as_athlete.post(f"/api/v1/sessions/{session['session_id']}/completion", {"status": "skipped"})
        assert published.as_athlete.get("/api/v1/me/today", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200
        packed = published.as_athlete.get("/api/v1/me/week", HTTP_ACCEPT_ENCODING="gzip")
        assert packed["Content-Encoding"] == "gzip"
        again = published.as_athlete.get(
            "/api/v1/me/week", HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=packed["ETag"]
        )
        assert again.status_code == 304
    assert published.as_coach.get("/api/v1/me/today").status_code == 404


def test_the_later_word_counts_though_its_clock_is_behind(published, monkeypatch):
    session = first_due(published)
    url = f"/api/v1/sessions/{session['session_id']}/completion"
    tomorrow = time.time_ns() + 86_400 * 10**9
    with at(session["day"]):
        with monkeypatch.context() as ahead:
            ahead.setattr("common.ids.time.time_ns", lambda: tomorrow)
            ahead.setattr("common.ids._last", 0)
            published.as_athlete.post(url, {"status": "done"})
        published.as_athlete.post(url, {"status": "skipped"})
        due = published.as_athlete.get("/api/v1/me/today").json()
    assert [d["status"] for d in due if d["session_id"] == session["session_id"]] == ["skipped"]


def test_a_completion_counts_once_whatever_comes_first(published):
    session = first_due(published)
    url = f"/api/v1/sessions/{session['session_id']}/completion"
    minutes = session["prescribed_work"]["duration_min"]
    assert published.as_athlete.post(url, {"status": "done"}).status_code == 400, "still to come"
    with at(session["day"]):
        said = published.as_athlete.post(url, {"status": "done", "rpe": 4, "note": "felt good"}).json()
        assert said["is_placeholder"]
        assert load_on(published, session["day"]) == pytest.approx(session["load"], abs=0.1)
        again = published.as_athlete.post(url, {"status": "partly", "duration_min": minutes / 2}).json()
        assert again["id"] != said["id"]
        assert load_on(published, session["day"]) == pytest.approx(session["load"] / 2, abs=0.2)
        import_run(published, session["day"], minutes, load=61.0)
        assert load_on(published, session["day"]) == 61.0, "the import replaces the placeholder"
        with unit_of_work(COMMAND_LINE, read_only=True):
            newest = SessionCompletion.objects.filter(session_id=session["session_id"]).order_by("-id")[0]
            assert (newest.status, newest.is_placeholder) == ("done", False)
            assert newest.activity.source_name == "watch.fit"
        late = published.as_athlete.post(url, {"status": "done", "rpe": 6}).json()
        assert (late["activity_id"], late["is_placeholder"]) == (str(newest.activity_id), False)
        assert load_on(published, session["day"]) == 61.0


def test_an_import_is_matched_by_itself(published):
    session = first_due(published)
    with at(session["day"]):
        import_run(published, session["day"], session["prescribed_work"]["duration_min"] * 0.5)
        (due,) = [
            d for d in published.as_athlete.get("/api/v1/me/today").json() if d["session_id"] == session["session_id"]
        ]
        assert due["status"] == "partly"
        with unit_of_work(COMMAND_LINE, read_only=True):
            event = AuditEvent.objects.filter(action="session.complete").get()
            assert event.metadata_json["matched"] is True


def test_adherence_counts_what_was_due(published):
    session = first_due(published)
    with at(session["day"]):
        published.as_athlete.post(f"/api/v1/sessions/{session['session_id']}/completion", {"status": "partly"})
    monday = clock.now().fromisoformat(session["day"]).date()
    monday -= timedelta(days=monday.weekday())
    with at((monday + timedelta(days=7)).isoformat()):
        weeks = {w["monday"]: w for w in published.as_athlete.get("/api/v1/me/adherence").json()}
    week = weeks[monday.isoformat()]
    days = {(monday + timedelta(days=i)).isoformat() for i in range(7)}
    due = [s for s in published.sessions() if s["day"] in days and s["kind"] not in ("rest", "race")]
    assert (week["due"], week["done"]) == (len(due), 0.5)
    assert week["percent"] == round(50 / len(due), 1)


def free_day(review: Review, session) -> str:
    """A later day of the session's week on which nothing stands, if any."""
    day = clock.now().fromisoformat(session["day"]).date()
    taken = {s["day"] for s in review.sessions() if s["kind"] != "rest"}
    week = [day + timedelta(days=i) for i in range(-day.weekday(), 7 - day.weekday())]
    return next((d.isoformat() for d in week if d.isoformat() not in taken and d > clock.today()), "")


def test_an_athlete_moves_a_session_within_limits(published, django_capture_on_commit_callbacks):
    session = next(s for s in published.editable() if s["kind"] == "easy" and free_day(published, s))
    day, url = free_day(published, session), f"/api/v1/sessions/{session['session_id']}/move"
    body = {"plan_id": str(published.plan_id), "day": day}
    far = (clock.now().fromisoformat(session["day"]) + timedelta(days=15)).date().isoformat()
    assert published.as_athlete.post(url, {**body, "day": far}).status_code == 400
    assert published.as_coach.post(url, body).status_code == 403
    before = published.head()
    with django_capture_on_commit_callbacks(execute=True):
        moved = published.as_athlete.post(url, body)
    assert moved.status_code == 200, moved.content
    assert day in [d["day"] for d in moved.json() if d["session_id"] == session["session_id"]]
    head = published.head()
    assert (head["status"], head["active_version_id"]) == ("published", head["head_version"]["id"])
    assert head["head_version"]["version_number"] == before["head_version"]["version_number"] + 1
    kinds = [n["kind"] for n in published.as_coach.get("/api/v1/notifications").json()["results"]]
    assert kinds[0] == "session.moved"


def test_a_locked_session_stays(published):
    session = published.editable()[3]
    published.patch([replace_op(session, "locked", True)])
    published.submit()
    published.decide("accept")
    answer = published.as_athlete.post(
        f"/api/v1/sessions/{session['session_id']}/move",
        {"plan_id": str(published.plan_id), "day": session["day"]},
    )
    assert answer.status_code == 403


def test_a_result_is_a_test_and_completes_the_plan(published):
    race = next(s for s in published.sessions() if s["kind"] == "race")
    body = {"race": "10k", "day": race["day"], "time": "48:30"}
    assert published.as_athlete.post("/api/v1/me/results", body).status_code == 400, "still to come"
    rating = f"{published.url}/feedback"
    with at(race["day"]):
        assert published.as_athlete.post("/api/v1/me/results", {**body, "time": "12:00"}).status_code == 400
        answer = published.as_athlete.post("/api/v1/me/results", body)
        assert answer.status_code == 201, answer.content
        assert 40 < answer.json()["value"] < 44
        assert published.as_athlete.get(published.url).json()["status"] == "completed"
        assert published.as_athlete.post(rating, {"score": 6}).status_code == 400
        assert published.as_athlete.post(rating, {"score": 5, "comment": "great"}).status_code == 201
        assert published.as_athlete.post(rating, {"score": 4}).status_code == 409


def test_a_calendar_can_be_subscribed_to_until_it_is_revoked(published, client):
    made = published.as_athlete.post("/api/v1/me/calendar").json()
    path = made["url"].split("//", 1)[1].split("/", 1)[1]
    answer = client.get(f"/{path}")
    assert answer["Content-Type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answer.content)
    expected = {s["title"] for s in published.sessions() if s["kind"] != "rest"}
    assert {str(event["SUMMARY"]) for event in calendar.walk("VEVENT")} == expected
    assert client.get(f"/{path}", HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304
    assert published.as_athlete.delete(f"/api/v1/me/calendar/{made['id']}").status_code == 204
    assert client.get(f"/{path}").status_code == 404
    assert client.get("/calendar/guess.ics").status_code == 404


def test_settings_and_consents_are_the_athletes_own(published):
    changed = published.as_athlete.patch(
        "/api/v1/me/settings", {"personalised_plans": False, "time_zone": "Europe/Berlin"}
    )
    assert changed.json()["personalised_plans"] is False
    assert published.as_athlete.patch("/api/v1/me/settings", {"time_zone": "Moon/Crater"}).status_code == 400
    granted = {"granted": True, "text_version": "2026-01"}
    assert published.as_athlete.put("/api/v1/me/consents/experiments", granted).json()["granted"] is True
    assert published.as_athlete.put("/api/v1/me/consents/anything", granted).status_code == 400
    assert published.as_coach.put("/api/v1/me/consents/experiments", granted).status_code == 403


def test_a_workout_downloads_for_watch_and_trainer():
    published = make_review(pace=270.0)
    published.submit()
    published.decide("accept")
    session = next(s for s in published.editable() if s["kind"] in ("interval", "tempo", "repetition"))
    url = f"/api/v1/sessions/{session['session_id']}/workout"
    fit = published.as_athlete.get(f"{url}.fit")
    assert fit.content[8:12] == b".FIT"
    assert "attachment" in fit["Content-Disposition"]
    assert b"<workout_file>" in published.as_athlete.get(f"{url}.zwo").content
    assert published.as_athlete.get(f"{url}.exe").status_code == 404
    assert api_of(make_user("coach")).get(f"{url}.fit").status_code == 404


def test_a_session_without_targets_is_no_zwift_workout(published):
    session = next(s for s in published.editable() if s["kind"] in ("interval", "tempo", "repetition"))
    refused = published.as_athlete.get(f"/api/v1/sessions/{session['session_id']}/workout.zwo")
    assert refused.status_code == 400
    assert "pace" in refused.json()["detail"]
