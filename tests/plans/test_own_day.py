"""A day is the athlete's own: west and east of Greenwich, and over the change of the clocks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Athlete
from accounts.preferences import today_of
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from tests.plans.review import make_review

pytestmark = pytest.mark.django_db
AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"


def local(day: str, clock_time: str, zone: str):
    """Let it be a time of a day on a place's clock."""
    return clock.frozen(datetime.fromisoformat(f"{day}T{clock_time}").replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.pure
@pytest.mark.parametrize("zone", [AUCKLAND, LOS_ANGELES])
@pytest.mark.parametrize("change", ["2026-03-08", "2026-04-05", "2026-09-27", "2026-11-01"])
def test_each_day_begins_at_the_athletes_midnight_also_when_the_clocks_change(zone, change):
    athlete = Athlete(time_zone=zone)
    for offset in (-1, 0, 1):
        day = date.fromisoformat(change) + timedelta(days=offset)
        for clock_time in ("00:00:00", "03:30:00", "23:59:59"):
            with local(day.isoformat(), clock_time, zone):
                assert today_of(athlete) == day


def test_today_counts_where_the_athlete_is():
    review = make_review()
    review.submit()
    review.decide("accept")
    sessions = [s for s in review.editable() if s["prescribed_work"]["duration_min"]]
    first, second = sessions[0], sessions[1]

    def lives_in(zone: str) -> None:
        with unit_of_work(COMMAND_LINE):
            Athlete.objects.filter(pk=review.athlete.pk).update(time_zone=zone)

    def says_done(session):
        return review.as_athlete.post(f"/api/v1/sessions/{session['session_id']}/completion", {"status": "done"})

    def due():
        return {one["session_id"] for one in review.as_athlete.get("/api/v1/me/today").json()}

    lives_in(AUCKLAND)
    with local(first["day"], "08:00", AUCKLAND):  # the evening before in UTC
        assert clock.today().isoformat() < first["day"]
        assert due() == {first["session_id"]}
        assert says_done(first).status_code == 201
    lives_in(LOS_ANGELES)
    with local(second["day"], "20:00", LOS_ANGELES):  # already the next day in UTC
        assert clock.today().isoformat() > second["day"]
        assert due() == {second["session_id"]}
        monday = date.fromisoformat(second["day"])
        monday -= timedelta(days=monday.weekday())
        moved = {"plan_id": str(review.plan_id), "day": second["day"]}
        assert review.as_athlete.post(f"/api/v1/sessions/{second['session_id']}/move", moved).status_code == 200
        third = next(s for s in sessions if s["day"] > second["day"])
        refused = says_done(third)
        assert (refused.status_code, refused.json()["detail"]) == (400, "This session is still to come.")
        assert says_done(second).status_code == 201
