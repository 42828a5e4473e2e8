"""The pending list: who waits longest, how the athlete trained, what is new since somebody looked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from accounts.services.people import end_link
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.admin.pending import pending_context
from plans.models import CompletionStatus, PlanSession, SessionCompletion
from plans.pending import ADHERENCE_WEEKS, pending_plans
from plans.schedule import adherence, adherence_of
from tests.factories import make_athlete, make_user
from tests.plans.review import Review, make_plan, make_review, plan_row, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def review() -> Review:
    return make_review()


def row_of(review: Review, user: User | None = None) -> dict[str, Any]:
    """Return what the page shows of the plan."""
    who = user or review.coach
    with unit_of_work(who, read_only=True):
        rows = pending_context(who)["rows"]
    return next(row for row in rows if row["plan"].pk == review.plan_id)


def train(review: Review, monday: date, words: list[str]) -> None:
    """Let sessions have been due in a past week, and say of each what became of it ("" for nothing)."""
    version: Any = plan_row(review).active_version
    with unit_of_work(COMMAND_LINE):
        for i, word in enumerate(words):
            session = PlanSession.objects.filter(version=version, kind="easy")[0]
            fields = {f.attname: getattr(session, f.attname) for f in PlanSession._meta.concrete_fields}
            fields = {name: value for name, value in fields.items() if name not in ("id", "session_id", "day")}
            said = uuid4()
            day = monday + timedelta(days=i)
            PlanSession.objects.create(session_id=said, day=day, **fields)
            if word:
                SessionCompletion.objects.create(
                    plan_id=review.plan_id, athlete=review.athlete, session_id=said, day=day, status=word,
                    recorded_by_id=review.user.pk,
                )  # fmt: skip


def publish(review: Review) -> None:
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200


def test_adherence_is_four_weeks_oldest_first_and_low_ones_are_marked(review: Review) -> None:
    publish(review)
    assert review.patch([replace_op(review.editable()[0], "title", "Other")]).status_code == 200
    this_monday = clock.today() - timedelta(days=clock.today().weekday())
    done, partly, skipped = CompletionStatus.DONE, CompletionStatus.PARTLY, CompletionStatus.SKIPPED
    train(review, this_monday - timedelta(weeks=3), [done, done, done, done])
    train(review, this_monday - timedelta(weeks=2), [done, done, done, skipped])
    train(review, this_monday - timedelta(weeks=1), [done, partly, "", skipped])
    train(review, this_monday - timedelta(weeks=5), [skipped] * 4)
    shown = row_of(review)["adherence"]
    assert [bar.get("height") for bar in shown["bars"]] == [100.0, 75.0, 37.5, None]
    assert [bar.get("is_low") for bar in shown["bars"]] == [False, False, True, None]
    assert (shown["percent"], shown["is_low"]) == ("71 %", True)
    assert shown["sentence"].endswith("100 %, 75 %, 38 %, nothing due")


def test_adherence_of_many_is_that_of_each(review: Review) -> None:
    publish(review)
    monday = clock.today() - timedelta(days=clock.today().weekday() + 7)
    train(review, monday, [CompletionStatus.DONE, "", CompletionStatus.PARTLY])
    other = make_athlete(coach=review.coach)
    with unit_of_work(review.coach, read_only=True):
        found = adherence_of(dict.fromkeys([review.athlete.pk, other.pk], clock.today()), weeks=ADHERENCE_WEEKS)
        alone = adherence(review.athlete.pk, clock.today(), weeks=ADHERENCE_WEEKS)
    assert found[review.athlete.pk] == alone
    assert [(week.due, week.done) for week in alone][-2] == (3, 1.5)
    assert [week.percent for week in found[other.pk]] == [None] * ADHERENCE_WEEKS


def test_what_is_new_is_counted_from_where_each_person_looked(review: Review) -> None:
    colleague = make_user("admin")
    first, second = review.editable()[:2]
    assert row_of(review)["is_new"]
    number = review.version()["version_number"]
    assert review.as_coach.post(f"{review.url}/look", {"version_number": number}).status_code == 204
    assert (row_of(review)["is_new"], row_of(review)["marks"]) == (False, [])
    review.patch([replace_op(first, "title", "Hills", reason="travel")])
    review.patch([{"op": "remove", "path": f"/sessions/{second['session_id']}", "reason": "time_constraint"}])
    assert [mark[:2] for mark in row_of(review)["marks"]] == [("−", 1), ("~", 1)]
    assert row_of(review)["reasons"] == "travel, time"
    assert row_of(review, colleague)["is_new"]
    number = review.version()["version_number"]
    review.as_coach.post(f"{review.url}/look", {"version_number": number})
    review.as_coach.post(f"{review.url}/look", {"version_number": 1})
    assert row_of(review)["marks"] == []


def test_longest_waiting_comes_first_and_only_the_coach_sees_it(review: Review) -> None:
    with clock.frozen(clock.now() - timedelta(days=3)):
        waiting = make_plan(COMMAND_LINE, review.athlete, race="5k")  # type: ignore[arg-type]
    with unit_of_work(review.coach, read_only=True):
        rows = pending_plans(review.coach)
    assert [row.plan.pk for row in rows] == [waiting, review.plan_id]
    assert ["waiting" in row.tags for row in rows] == [True, False]
    stranger = make_user("coach")
    with unit_of_work(stranger, read_only=True):
        assert pending_plans(stranger) == []


def test_the_page_shows_it_all_and_the_badge_its_number(review: Review) -> None:
    client = Client()
    client.force_login(review.coach)
    page = client.get("/admin/plans/plan/pending/").content.decode()
    assert "Adherence by week, oldest first: nothing due, nothing due, nothing due, nothing due" in page
    assert f'data-compare="/admin/plans/plan/{review.plan_id}/compare/"' in page
    assert 'class="mp-plot"><svg' in page
    assert _badge(page, "Pending plans") == "1"
    assert review.submit().status_code == 200
    page = client.get("/admin/plans/plan/pending/").content.decode()
    assert "Nothing awaits your review" in page
    assert _badge(page, "Pending plans") == ""


def test_a_coach_whose_link_ended_sees_nothing(review: Review) -> None:
    with unit_of_work(COMMAND_LINE, read_only=True):
        link = review.athlete.coach_links.get()
    end_link(link_id=link.pk, acting_user=COMMAND_LINE, active_until=clock.today())
    client = Client()
    client.force_login(review.coach)
    assert "Nothing awaits your review" in client.get("/admin/plans/plan/pending/").content.decode()


def _badge(page: str, title: str) -> str:
    """Return the number beside an entry of the sidebar."""
    entry = page.split(f"<span>{title}</span>")[1].split("</a>")[0]
    return entry.split(">", 1)[1].split("</span>")[0].strip() if "<span" in entry else ""
