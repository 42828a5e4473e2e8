"""Sessions as people read them: in their language, units and intensity; what somebody wrote stays as it is."""

from __future__ import annotations

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Athlete, User
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from common.translating.showing import number, shown
from plans.pipelines.engine import BINDING_TEXT, EARLIER_BINDING_TEXT
from plans.pipelines.intensity import Intensities
from plans.pipelines.steps import fill_steps, set_steps, summary
from plans.pipelines.workouts_running import by_metres
from plans.wording import Wording
from tests.plans.review import make_review

ZONES = Intensities("a", "running", "advanced", threshold_pace=240.0, threshold_hr=170.0)
STEPS = fill_steps("interval", "vo2", set_steps(by_metres("interval", 6, 800, 2), ZONES), 40, ZONES)
WORK = {"steps": STEPS, "summary": summary(STEPS, "jog")}
MILES = Wording(units="imperial")


@pytest.mark.pure
def test_nothing_changes_for_who_reads_what_is_stored():
    assert Wording().summary(WORK) == WORK["summary"]
    assert Wording().title("Long 18 km") == "Long 18 km"
    for zone in ZONES.zones:
        assert Wording().target(ZONES.target(zone)) == ZONES.target(zone)["text"]


@pytest.mark.pure
def test_miles_and_heart_rate_are_made_from_the_numbers():
    assert MILES.title("Long 18 km") == "Long 11.2 mi"
    assert MILES.title("6×800 m") == "6×800 m"
    assert MILES.target(ZONES.target("threshold")) == "6:23–6:29 /mi, threshold, comfortably hard"
    assert "6 × 800 m at 5:5" in MILES.summary(WORK)
    assert (
        Wording(intensity="heart_rate").target(ZONES.target("threshold")) == "HR 165–173, threshold, comfortably hard"
    )
    race = {"text": "4:42 /km, expected 47:01"}
    assert MILES.target(race) == "7:34 /mi, expected 47:01"
    assert MILES.summary({"steps": [{"type": "work", "target": race}], "summary": f"10 km at {race['text']}"}) == (
        "10 km at 7:34 /mi, expected 47:01"
    )
    assert Wording(intensity="power").target(ZONES.target("threshold")) == ZONES.target("threshold")["text"]


@pytest.mark.pure
@given(st.text(max_size=40))
def test_what_somebody_wrote_is_shown_as_they_wrote_it(text):
    assert MILES.summary({"steps": STEPS, "summary": text}) == text
    assert MILES.target({"text": text, "zone": "easy"}) == text


@pytest.mark.once
def test_german_is_composed_from_the_steps_not_from_the_sentence():
    german = Wording(translate=shown, number=number)
    with override("de"):
        assert german.title("Long 18 km") == "Lang 18 km"
        assert german.summary(WORK).startswith("20 min Einlaufen, 6 × 800 m mit 3:40–3:44 /km (2 min Trab)")
        assert german.target(ZONES.target("easy")).endswith("/km, locker, du kannst dich unterhalten")


@pytest.mark.django_db
def test_the_calendar_follows_the_athlete_and_the_api_nobody():
    review = make_review(pace=240.0)
    review.submit()
    review.decide("accept")
    before = review.as_athlete.get("/api/v1/me/week").content
    address = review.as_athlete.post("/api/v1/me/calendar").json()["url"]
    path = "/calendar/" + address.rsplit("/", 1)[-1]
    assert " /km" in review.as_athlete.get(path).content.decode()
    with unit_of_work(COMMAND_LINE):
        Athlete.objects.filter(pk=review.athlete.pk).update(units="imperial")
        User.objects.filter(pk=review.user.pk).update(language="de")
    german = review.as_athlete.get(path).content.decode().replace("\r\n ", "")
    assert " /mi" in german and " /km" not in german
    assert "SUMMARY:Lang " in german and " mi\r\n" in german
    assert "Lockere Ausdauer" in german
    assert review.as_athlete.get("/api/v1/me/week").content == before


@pytest.mark.pure
@pytest.mark.parametrize("guard", sorted(BINDING_TEXT))
def test_what_holds_a_plan_down_is_said_in_german_whichever_release_made_the_plan(guard):
    with override("de"):
        german = shown(BINDING_TEXT[guard])
        assert german == shown(EARLIER_BINDING_TEXT[guard])
    assert german.endswith("hält die Wochen niedrig.")
