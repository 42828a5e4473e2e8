"""What rules watch of plans: a drop of adherence (D5), failures by pipeline (I8), against hand-made weeks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from plans.models import PlanGeneration, PlanSession, SessionCompletion
from plans.monitored import adherence_drop, failures_by_pipeline
from tests.factories import make_athlete
from tests.plans.review import make_review

pytestmark = pytest.mark.django_db

WEEK = timedelta(days=7)


@pytest.fixture
def sessions():
    """The sessions of five weeks of a published plan, and the moment when they are all over."""
    review = make_review()
    review.submit()
    assert review.decide("accept").json()["status"] == "published"
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = PlanSession.objects.filter(version__plan=review.plan_id).exclude(kind__in=("rest", "race"))
        first = min(row.day for row in rows)
        end = datetime.combine(first + 5 * WEEK, time.min, tzinfo=UTC)
        return [
            row for row in rows.order_by("day", "session_id").select_related("version") if row.day < end.date()
        ], end


def said(row: PlanSession, status: str) -> None:
    SessionCompletion.objects.create(
        plan_id=row.version.plan_id, athlete_id=row.athlete_id, session_id=row.session_id, day=row.day, status=status,
        recorded_by_id=uuid7(),
    )  # fmt: skip


def test_less_done_than_in_the_four_weeks_before_is_a_drop_in_percent_of_them(sessions):
    rows, end = sessions
    since = end - WEEK
    before = [row for row in rows if row.day < since.date()]
    now = [row for row in rows if row.day >= since.date()]
    assert len(before) >= 8 and len(now) >= 3
    with unit_of_work(COMMAND_LINE):
        for row in before:
            said(row, "skipped")
            said(row, "done")  # the newest word counts
        for row in now[1:]:
            said(row, "done")
        said(now[0], "partly")
    [reading] = adherence_drop(since, end)
    assert reading.value == pytest.approx(100 * 0.5 / len(now))
    assert reading.n == len(now)
    assert "100 % in the four weeks before" in reading.text


def test_without_anything_to_compare_with_there_is_no_drop(sessions):
    rows, end = sessions
    assert adherence_drop(end - WEEK, end)[0].value is None  # nothing was done before either
    assert adherence_drop(end + 20 * WEEK, end + 21 * WEEK)[0].value is None


def test_failures_are_counted_by_the_pipeline_that_was_asked():
    athlete, now = make_athlete(), clock.now()
    with unit_of_work(COMMAND_LINE):
        for slot, (pipeline, outcome, settled) in enumerate(
            (("advanced", "ok", now), ("advanced", "fallback", now), ("advanced", "failed", now),
             ("advanced", "ok", now), ("template", "ok", now), ("template", "failed", now - WEEK),
             ("template", "pending", None))
        ):  # fmt: skip
            PlanGeneration.objects.create(
                athlete=athlete, requested_by_id=uuid7(), day=now.date(), slot=slot, goal_json={}, routed_to=pipeline,
                routing_reason="r", seed=1, outcome=outcome, settled_at=settled,
            )  # fmt: skip
    found = failures_by_pipeline(now - timedelta(hours=1), now + timedelta(minutes=1))
    assert {one.label: (one.value, one.n) for one in found} == {"advanced": (50.0, 4), "template": (0.0, 1)}
