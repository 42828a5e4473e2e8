"""Every page that a role can reach by links answers; none ends in a server error."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import resolve

from accounts.models import Role
from common import clock
from common.management.base import COMMAND_LINE
from plans.demo.people import ATHLETES
from plans.demo.simulator import synthetic_history
from plans.services.make_demo import _record
from plans.services.request_plan import PlanWish, request_plan
from rollout.services.flags import seed_flags
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db

LINK = re.compile(r'href="(/admin/[^"#?]*)')
LEAST_PAGES = {"admin": 20, "coach": 12, "support": 3, "compliance": 1, "data_scientist": 1}


@pytest.fixture
def furnished(django_capture_on_commit_callbacks):
    """An athlete with a history, a fit and a plan, and their coach."""
    seed_flags(acting_user=COMMAND_LINE)
    coach = make_user("coach")
    athlete = make_athlete(coach=coach)
    _record(athlete, synthetic_history(ATHLETES[0], until=clock.today()))
    wish = PlanWish(race_date=clock.today() + timedelta(weeks=12), race_distance="10k")
    with django_capture_on_commit_callbacks(execute=True):
        request_plan(athlete_id=athlete.pk, wish=wish, acting_user=coach)
    return coach


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.ATHLETE])
def test_every_page_that_a_role_can_reach_answers(furnished, client, role):
    client.force_login(furnished if role == Role.COACH else make_user(role))
    waiting, seen = ["/admin/"], set()
    while waiting:
        path = waiting.pop()
        page = resolve(path).url_name
        if page in seen or page == "logout" or "jsi18n" in path:
            continue
        seen.add(page)
        answer = client.get(path, follow=True)
        assert answer.status_code == 200, (path, answer.status_code)
        waiting += LINK.findall(answer.content.decode())
    assert len(seen) >= LEAST_PAGES[role], seen
