"""What the review page is given: what became of past days, who may edit and why not, what must be reasoned."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Athlete, Role, Team, TeamMembership
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from plans.admin.review_past import past_of
from plans.models import Plan
from tests.factories import make_user
from tests.plans.review import Review, make_plan, make_review, replace_op
from tests.plans.test_training import at, import_run

pytestmark = [pytest.mark.django_db, pytest.mark.once]

EDIT_CONTROLS = ("rv-save", "rv-submit", "rv-undo", "rv-revert", "rv-machine", "rv-back", "rv-regenerate")


@pytest.fixture
def review() -> Review:
    return make_review()


@pytest.fixture
def published(review: Review) -> Review:
    assert review.submit(reason="coach_judgement").status_code == 200
    assert review.decide("accept").json()["status"] == "published"
    return review


def page_of(review: Review, user: Any = None) -> str:
    client = Client()
    client.force_login(user or review.coach)
    answer = client.get(f"/admin/plans/plan/{review.plan_id}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def banner_of(body: str) -> str:
    found = re.search(r'id="rv-banner"[^>]*?>([^<]*)</p>', body)
    assert found
    return found[1]


def controls(body: str) -> set[str]:
    return {name for name in EDIT_CONTROLS if f'id="{name}"' in body}


def say(review: Review, session: dict[str, Any], **body: Any) -> None:
    with at(session["day"]):
        answer = review.as_athlete.post(f"/api/v1/sessions/{session['session_id']}/completion", body)
        assert answer.status_code in (200, 201), answer.content


def past(review: Review) -> dict[str, Any]:
    with unit_of_work(review.coach, read_only=True):
        plan = Plan.objects.select_related("athlete", "head_version", "active_version").get(pk=review.plan_id)
        return past_of(plan, clock.today())


# Past days


def test_each_past_session_says_what_became_of_it(published: Review) -> None:
    done, partly, missed, silent = [s for s in published.editable() if s["kind"] != "rest"][:4]
    minutes = done["prescribed_work"]["duration_min"]
    with at(done["day"]):
        import_run(published, done["day"], minutes + 6, load=71.0)
    say(published, partly, status="partly", duration_min=partly["prescribed_work"]["duration_min"] / 2, rpe=8)
    say(published, missed, status="skipped")
    with at((date.fromisoformat(silent["day"]) + timedelta(days=1)).isoformat()):
        found = past(published)["sessions"]
    assert (found[done["session_id"]]["status"], found[done["session_id"]]["load"]) == ("done", 71.0)
    assert found[done["session_id"]]["minutes"] == pytest.approx(minutes + 6)
    assert (found[partly["session_id"]]["status"], found[partly["session_id"]]["rpe"]) == ("partly", 8)
    assert found[partly["session_id"]]["load"] == pytest.approx(partly["load"] / 2, abs=0.2)
    assert found[missed["session_id"]] == {**found[missed["session_id"]], "status": "missed", "load": None}
    assert found[silent["session_id"]]["status"] == "unknown"
    ahead = {s["session_id"] for s in published.sessions() if s["day"] > silent["day"]}
    assert not ahead & found.keys()


def test_a_session_of_today_is_not_missing_yet(published: Review) -> None:
    session = published.editable()[0]
    with at(session["day"]):
        assert session["session_id"] not in past(published)["sessions"]


def test_a_weeks_load_counts_everything_done_once_and_extras_are_told_apart(published: Review) -> None:
    session = published.editable()[0]
    with at(session["day"]):
        import_run(published, session["day"], session["prescribed_work"]["duration_min"], load=50.0)
    extra = (date.fromisoformat(session["day"]) + timedelta(days=1)).isoformat()
    free = extra not in {s["day"] for s in published.sessions() if s["modality"] == "running"}
    with at(extra):
        import_run(published, extra, 33, load=22.0)
        found = past(published)
    assert sum(found["weeks"].values()) == 72.0
    expected = [{"sport": "running", "minutes": 33.0, "load": 22.0}]
    assert found["extra"] == ({extra: expected} if free else {})


def test_a_session_said_to_be_skipped_leaves_its_activity_as_an_extra(published: Review) -> None:
    session = published.editable()[0]
    with at(session["day"]):
        import_run(published, session["day"], 20, load=15.0)
    say(published, session, status="skipped")
    with at(session["day"]):
        found = past(published)
    assert found["sessions"][session["session_id"]]["status"] == "missed"
    assert found["extra"][session["day"]][0]["load"] == 15.0
    assert sum(found["weeks"].values()) == 15.0


def test_nothing_is_missed_of_a_plan_that_was_never_published(review: Review) -> None:
    with at((clock.today() + timedelta(days=15)).isoformat()):
        assert past(review)["sessions"] == {}


def test_the_past_costs_the_same_queries_for_two_days_and_for_six_weeks(published: Review) -> None:
    for session in published.editable()[:3]:
        say(published, session, status="done")
    counts = []
    for days in (2, 45):
        with at((clock.today() + timedelta(days=days)).isoformat()), unit_of_work(published.coach, read_only=True):
            plan = Plan.objects.select_related("athlete", "head_version", "active_version").get(pk=published.plan_id)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                past_of(plan, clock.today())
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


# Who may edit, and why not


def submitted(review: Review) -> None:
    assert review.submit().status_code == 200


def sent_back(review: Review) -> None:
    submitted(review)
    assert review.decide("request_changes", comment="Less on <Tuesdays>").status_code == 200


def accepted(review: Review) -> None:
    submitted(review)
    assert review.decide("accept").status_code == 200


def revised(review: Review) -> None:
    accepted(review)
    assert review.patch([replace_op(review.editable()[0], "title", "Hills")]).status_code == 200


def withdrawn(review: Review) -> None:
    answer = review.as_coach.post(f"{review.url}/withdraw", {"expected_etag": review.head()["etag"]})
    assert answer.status_code == 200


def superseded(review: Review) -> None:
    accepted(review)
    other = Review(**{**vars(review), "plan_id": make_plan(review.coach, review.athlete, weeks=12, seed=2)})
    accepted(other)


@pytest.mark.parametrize(
    ("reach", "state", "is_open", "says"),
    [
        (lambda review: None, "generated", True, ""),
        (submitted, "coach_reviewed", True, "the athlete decides"),
        (sent_back, "needs_revision", True, "Less on &lt;Tuesdays&gt;"),
        (accepted, "published", True, "Saving an edit starts a revision"),
        (revised, "draft", True, "goes on training by v1"),
        (withdrawn, "withdrawn", False, "Withdrawn"),
        (superseded, "superseded", False, "Superseded"),
    ],
)
def test_a_page_offers_edits_only_where_they_can_be_made_and_says_why(review, reach, state, is_open, says):
    reach(review)
    assert review.head()["status"] == state
    body = page_of(review)
    assert controls(body) == (set(EDIT_CONTROLS) if is_open else set())
    assert says in banner_of(body)
    assert bool(banner_of(body)) == bool(says)
    session = review.editable()[0]
    edited = review.patch([replace_op(session, "title", "Fartlek")])
    assert edited.status_code == (200 if is_open else 409), "the page says what the server does"


def test_a_completed_plan_is_a_record(published: Review) -> None:
    race = published.head()["race_date"]
    with at(race):
        body = {"race": "10k", "day": race, "time": "45:00"}
        assert published.as_athlete.post("/api/v1/me/results", body).status_code == 201
        assert published.head()["status"] == "completed"
        page = page_of(published)
    assert controls(page) == set()
    assert "Completed" in banner_of(page)


def test_after_its_last_day_nothing_is_offered(review: Review) -> None:
    last = max(week["monday"] for week in review.version()["weeks"])
    with at((date.fromisoformat(last) + timedelta(days=7)).isoformat()):
        page = page_of(review)
    assert controls(page) == set()
    assert "last day of this plan is past" in banner_of(page)


def test_support_reads_a_plan_of_its_team_without_any_control(review: Review) -> None:
    support = make_user(Role.SUPPORT)
    with unit_of_work(COMMAND_LINE):
        team = Team.objects.create(name="Desk")
        TeamMembership.objects.create(team=team, user=support)
        athlete = Athlete.objects.get(pk=review.athlete.pk)
        athlete.team = team
        athlete.save()
    body = page_of(review, support)
    assert controls(body) == set()
    assert "Editing it is for the athlete’s coaches" in body
    assert "review-data" not in body


# What must be reasoned


def what_if(review: Review, operations: list[dict[str, Any]]) -> dict[str, Any]:
    answer = review.as_coach.post(f"{review.url}/what-if", {"operations": operations})
    assert answer.status_code == 200, answer.content
    return answer.json()


def overload(review: Review, **why: str) -> list[dict[str, Any]]:
    """Operations that make three sessions four times as heavy."""
    return [replace_op(s, "load", min(4 * s["load"] + 200, 900), **why) for s in review.editable()[:3]]


def test_guards_to_reason_are_known_before_the_submission_is_refused(review: Review) -> None:
    assert what_if(review, [])["submission"] == {"guards": [], "needs_reason": False}
    before = what_if(review, overload(review))["submission"]
    assert before["needs_reason"]
    assert all(guard["safety"] and guard["new"] for guard in before["guards"])
    assert review.patch(overload(review)).status_code == 200
    saved = what_if(review, [])
    assert saved["submission"] == before, "saving takes nothing back"
    assert not any(guard["new"] for guard in saved["guards"]), "against the last save nothing is new"
    refused = review.submit()
    assert refused.status_code == 409
    keys = [(guard["guard"], guard["where"], guard["message"]) for guard in before["guards"]]
    assert [tuple(g[k] for k in ("guard", "where", "message")) for g in refused.json()["guards"]] == keys


def test_a_reason_on_every_edit_is_reason_enough(review: Review) -> None:
    operations = overload(review, reason="coach_judgement")
    assert not what_if(review, operations)["submission"]["needs_reason"]
    assert review.patch(operations[:2]).status_code == 200
    rest = [{**operation} for operation in operations[2:]]
    assert not what_if(review, rest)["submission"]["needs_reason"]
    for operation in rest:
        operation.pop("reason")
    assert what_if(review, rest)["submission"]["needs_reason"], "the third edit has none"
    assert review.patch(operations[2:]).status_code == 200
    assert review.submit().status_code == 200
