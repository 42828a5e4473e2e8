"""What the warehouse is told of athletes: how they are, each time that it changes, and nothing that names them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import CoachLink
from accounts.services.describe import describe_missing
from accounts.services.erasure import erase_from_command_line
from accounts.services.people import add_athlete, edit_athlete, end_link, link_coach
from common import clock
from common.context import unit_of_work
from common.errors import NotPermitted
from common.management.base import COMMAND_LINE
from telemetry.models import OutboxEvent
from telemetry.tokens import person_token
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db


def told(**where: Any) -> list[dict[str, Any]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = OutboxEvent.objects.filter(type="athlete.described", **where).order_by("id")
        return [row.data["data"] for row in rows]


def test_an_athlete_whom_a_coach_adds_is_described_once_with_their_coach() -> None:
    coach = make_user()
    athlete = add_athlete(name="Quxworthy", sport="cycling", level="beginner", tier="basic", acting_user=coach)
    assert told() == [
        {
            "athlete": person_token(athlete.pk),
            "coach_id": person_token(coach.pk),
            "sport": "cycling",
            "level": "beginner",
            "tier": "basic",
            "joined_on": clock.today().isoformat(),
            "is_synthetic": False,
        }
    ]


def test_what_changes_is_told_and_what_is_nobodys_business_is_not() -> None:
    athlete = make_athlete(tier="free")
    about = {"athlete_id": athlete.pk, "acting_user": COMMAND_LINE}
    edit_athlete(changes={"name": "Ann B.", "birth_year": 1990, "units": "imperial"}, **about)
    edit_athlete(changes={"tier": "free"}, **about)
    assert len(told()) == 1
    edit_athlete(changes={"tier": "elite", "level": "advanced"}, **about)
    assert [(one["tier"], one["level"]) for one in told()] == [("free", "intermediate"), ("elite", "advanced")]


def test_the_coach_of_longest_standing_is_told_when_links_open_and_end() -> None:
    athlete, first, second = make_athlete(), make_user(), make_user()
    about = {"athlete_id": athlete.pk, "acting_user": COMMAND_LINE}
    link_coach(coach_id=first.pk, active_from=clock.today() - timedelta(days=3), **about)
    link_coach(coach_id=second.pk, **about)
    with unit_of_work(COMMAND_LINE, read_only=True):
        links = list(CoachLink.objects.order_by("active_from"))
    for link in links:
        end_link(link_id=link.pk, acting_user=COMMAND_LINE)
    tokens = {person_token(first.pk): "first", person_token(second.pk): "second", None: ""}
    assert [tokens[one["coach_id"]] for one in told()] == ["", "first", "first", "second", ""]


def test_those_who_were_there_before_are_described_once(capsys: pytest.CaptureFixture[str]) -> None:
    known, forgotten, erased = (make_athlete() for _ in range(3))
    erase_from_command_line(athlete_id=erased.pk, reason="a letter")
    with unit_of_work(COMMAND_LINE):
        OutboxEvent.objects.filter(aggregate_id__in=[forgotten.pk, erased.pk]).delete()
    call_command("describe_athletes")
    assert "1 athlete described" in capsys.readouterr().out
    assert [len(told(aggregate_id=one.pk)) for one in (known, forgotten, erased)] == [1, 1, 0]
    assert describe_missing(acting_user=make_user("admin")) == 0
    with pytest.raises(NotPermitted):
        describe_missing(acting_user=make_user())
