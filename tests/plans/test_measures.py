"""What experiments measure in plans: each metric's facts against what people really did."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.metrics import METRICS
from experiments.services.looking import ANALYSIS
from experiments.streams import Measured, reduce
from plans.models import PlanSession
from plans.pipelines.registry import generate
from plans.services.complete_session import complete_session
from plans.services.generate_plan import generate_plan
from plans.services.rate_cycle import rate_cycle
from plans.services.request_plan import PlanWish, request_plan
from tests.plans.review import Review, make_review, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def published():
    review = make_review()
    review.submit()
    assert review.decide("accept", rating=4).json()["status"] == "published"
    return review


def facts(name: str, review: Review, *, since: datetime | None = None, until: datetime | None = None) -> list[Measured]:
    """What the analysis reads of the athlete, the newest word on each thing alone."""
    now = clock.now()
    with unit_of_work(ANALYSIS, read_only=True):
        read = METRICS.get(name).read
        found = list(read({review.athlete.pk}, since or now - timedelta(days=1), until or now + timedelta(days=1)))
    assert {one.metric for one in found} <= {name}
    assert {one.subject for one in found} <= {str(review.athlete.pk)}
    assert all(one.known_at >= one.at for one in found)
    return list({one.id: one for one in sorted(found, key=lambda one: one.known_at)}.values())


def test_every_metric_reads_nothing_of_nobody_and_its_own_name():
    now = clock.now()
    for name, metric in METRICS.items():
        assert metric.name == name
        assert list(metric.read(set(), now - timedelta(days=1), now)) == []


def test_requests_are_timed_and_counted_as_failed_or_not(published):
    [speed] = facts("calculation_speed", published)
    [error] = facts("errors", published)
    assert speed.y > 0
    assert (error.y, error.d) == (0.0, 1.0)


def test_a_request_that_fell_back_is_an_error(published, monkeypatch):
    monkeypatch.setattr("plans.generation.generate", _template_alone)
    wish = PlanWish(race_date=clock.today() + timedelta(weeks=9), race_distance="10k", model_choice="simplified")
    request = request_plan(athlete_id=published.athlete.pk, wish=wish, acting_user=published.coach)
    generate_plan(generation_id=request.pk, acting_user=published.coach)
    assert sorted(one.y for one in facts("errors", published)) == [0.0, 1.0]


def _template_alone(pipeline, *args, **kwargs):
    if pipeline != "template":
        raise RuntimeError("down")
    return generate(pipeline, *args, **kwargs)


def test_ratings_of_plans_and_cycles(published):
    rate_cycle(plan_id=published.plan_id, score=2, acting_user=published.user)
    assert sorted(one.y for one in facts("satisfaction", published)) == [2.0, 4.0]


def test_accepted_as_proposed_or_edited_before(published):
    assert [one.y for one in facts("acceptance", published)] == [1.0]
    published.patch([replace_op(published.editable()[0], "title", "Another")])
    published.submit()
    published.decide("accept")
    assert [one.y for one in facts("acceptance", published)] == [0.0]


def test_sessions_count_when_their_day_is_over_and_the_newest_word_counts(published):
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = PlanSession.objects.filter(version__plan=published.plan_id).exclude(kind__in=("rest", "race"))
        first, second, third = rows.order_by("day", "session_id")[:3]
        due = {str(row.session_id) for row in rows if row.day <= third.day}
    over = datetime.combine(third.day + timedelta(days=1), datetime.min.time(), tzinfo=clock.now().tzinfo)
    for session, status in ((first, "skipped"), (first, "done"), (second, "partly")):
        with clock.frozen(datetime.combine(session.day, datetime.min.time(), tzinfo=over.tzinfo) + timedelta(hours=20)):
            complete_session(session_id=session.session_id, status=status, acting_user=published.user)
    with clock.frozen(over + timedelta(minutes=1)):
        days = {"since": over - timedelta(days=30), "until": clock.now()}
        found = {one.id: one.y for one in facts("adherence", published, **days)}
    assert set(found) == due
    assert {found[str(first.session_id)], found[str(second.session_id)], found[str(third.session_id)]} == {
        1.0,
        0.5,
        0.0,
    }
    assert not facts("adherence", published, until=clock.now())


def test_signs_of_life_and_use(published):
    assert facts("feature_use", published) == []
    with unit_of_work(COMMAND_LINE, read_only=True):
        session = PlanSession.objects.filter(version__plan=published.plan_id).exclude(kind__in=("rest", "race")).first()
    with clock.frozen(datetime.combine(session.day, datetime.min.time(), tzinfo=clock.now().tzinfo)):
        complete_session(session_id=session.session_id, status="done", acting_user=published.user)
        assert len(facts("feature_use", published)) == 1
        assert len(facts("retention", published)) == 1
        until = clock.now()
        assert facts("retention", published, since=until - timedelta(days=1), until=until) == []
        published.as_athlete.post(f"{published.url}/comments", {"message": "Good", "visibility": "shared"})
        assert len(facts("feature_use", published)) == 2


def test_a_problem_that_was_reported(published):
    body = {"topic": "error", "severity": "low", "text": "It hurts.", "athlete_id": str(published.athlete.pk)}
    answer = published.as_coach.post("/api/v1/reports", body)
    assert answer.status_code == 201, answer.json()
    assert [one.y for one in facts("problem_reports", published)] == [1.0]


def test_what_is_read_is_what_a_reduction_takes():
    review = make_review()
    measures = [metric.measure for _, metric in METRICS.items()]
    now = clock.now()
    with unit_of_work(ANALYSIS, read_only=True):
        read = [one for _, m in METRICS.items() for one in m.read({review.athlete.pk}, now - timedelta(days=9), now)]
    assert set(reduce(read, as_of=now, measures=measures).tables) == set(METRICS)
