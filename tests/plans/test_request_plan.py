"""Asking for a plan: routing, limits, validation, fall-back, and that nothing is half-written."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from accounts.services.people import edit_athlete
from audit.models import AuditEvent
from common import clock
from common.context import service, unit_of_work
from common.management.base import COMMAND_LINE
from plans import generation
from plans.demo.people import ATHLETES
from plans.demo.simulator import synthetic_history
from plans.models import Outcome, Plan, PlanGeneration, PlanSession, PlanVersion
from plans.services.make_demo import _record
from rollout.services.flags import change_flag, seed_flags
from telemetry.models import OutboxEvent
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def flagged():
    seed_flags(acting_user=COMMAND_LINE)


@pytest.fixture
def api(flagged, django_capture_on_commit_callbacks):
    """Post a request for a plan as the coach of a fresh athlete, running what follows the commit."""
    coach = make_user("coach")
    client = api_of(coach)

    def ask(athlete=None, **body):
        athlete = athlete or make_athlete(coach=coach, tier=body.pop("tier", "elite"))
        wish = {
            "athlete_id": str(athlete.pk),
            "race_date": (clock.today() + timedelta(days=100)).isoformat(),
            "race_distance": "10k",
            **body,
        }
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/api/v1/plans", wish)

    ask.coach, ask.client = coach, client
    return ask


def plan_of(answer) -> Plan:
    """The plan that a 202's request came to."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        return PlanGeneration.objects.select_related("plan", "plan__head_version").get(job_id=answer.json()["id"]).plan


def test_a_request_is_accepted_and_its_status_resource_leads_to_the_plan(api):
    answer = api()
    assert answer.status_code == 202
    status = api.client.get(answer["Location"]).json()
    assert status["status"] == "done"
    plan = api.client.get(f"/api/v1/plans/{status['plan_id']}")
    assert plan.status_code == 200
    assert plan["ETag"]
    version_id = plan.json()["head_version"]["id"]
    version = api.client.get(f"/api/v1/plans/{status['plan_id']}/versions/{version_id}").json()
    sessions = [session for week in version["weeks"] for session in week["sessions"]]
    assert any(session["kind"] == "race" for session in sessions)
    assert len({session["session_id"] for session in sessions}) == len(sessions)


def test_the_document_says_what_may_be_missing_from_a_request(api):
    schema = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]["PlanRequest"]
    answer = api.client.get(api()["Location"]).json()
    assert answer.keys() == schema["properties"].keys()
    missing = {name for name, value in answer.items() if value is None}
    assert missing <= {name for name, said in schema["properties"].items() if said.get("nullable")}
    assert "problem" in missing


def test_a_stored_plan_is_head_version_one_sessions_and_its_events(api):
    plan = plan_of(api())
    with unit_of_work(COMMAND_LINE, read_only=True):
        version = PlanVersion.objects.get(plan=plan)
        assert (version.version_number, version.status, plan.head_version_id) == (1, "generated", version.pk)
        assert PlanSession.objects.filter(version=version).count() > 20
        events = list(AuditEvent.objects.filter(target_id=plan.pk).order_by("id").values_list("action", flat=True))
        assert events == ["plan.generate", "plan.generate_state"]
        emitted = OutboxEvent.objects.get(aggregate_id=plan.pk)
    assert emitted.type == "plan.generated"
    assert str(plan.athlete_id) not in str(emitted.data)


@pytest.mark.parametrize(
    ("tier", "setting", "enabled", "wish", "pipeline", "reason"),
    [
        ("elite", None, True, "", "auto", "flag_on"),
        ("guided", None, True, "simplified", "simplified", "asked_for"),
        ("elite", None, True, "template", "template", "asked_for"),
        ("basic", None, True, "", "template", "tier"),
        ("elite", False, True, "", "template", "setting_off"),
        ("elite", True, False, "", "template", "flag_disabled"),
        ("elite", None, False, "advanced", "template", "flag_disabled"),
    ],
)
def test_tier_then_flag_then_setting_decide_the_pipeline(api, tier, setting, enabled, wish, pipeline, reason):
    change_flag(
        key="plan.model_driven_generation", changes={"enabled": enabled}, reason="test", acting_user=COMMAND_LINE
    )
    athlete = make_athlete(coach=api.coach, tier=tier)
    edit_athlete(athlete_id=athlete.pk, changes={"personalised_plans": setting}, acting_user=COMMAND_LINE)
    answer = api(athlete, **({"model_choice": wish} if wish else {}))
    assert answer.status_code == 202, answer.json()
    with unit_of_work(COMMAND_LINE, read_only=True):
        row = PlanGeneration.objects.get(athlete=athlete)
    assert (row.routed_to, row.routing_reason) == (pipeline, reason)
    assert row.outcome == Outcome.OK


def test_an_excluded_tier_that_asks_for_a_model_by_name_is_forbidden(api):
    answer = api(tier="free", model_choice="advanced")
    assert answer.status_code == 403
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not PlanGeneration.objects.exists()


def test_the_sixth_request_of_a_day_is_too_many(api):
    athlete = make_athlete(coach=api.coach)
    answers = [api(athlete) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert answers[-1]["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"race_date": "2020-01-01"}, "race_date"),
        ({"race_date": "today"}, "race_date"),
        ({"race_date": "far"}, "race_date"),
        ({"race_distance": "100 miles"}, "race_distance"),
        ({"race_distance": "40km_tt"}, "race_distance"),
        ({"goal_time": "0:10:00"}, "goal_time"),
        ({"goal_time": "soon"}, "goal_time"),
        ({"goal_time": 999999}, "goal_time"),
        ({"available_days": []}, "available_days"),
        ({"available_days": ["someday"]}, "available_days"),
        ({"model_choice": "oracle"}, "model_choice"),
    ],
)
def test_an_impossible_wish_is_refused_by_field_and_writes_nothing(api, body, pointer):
    days = {"today": clock.today().isoformat(), "far": (clock.today() + timedelta(weeks=60)).isoformat()}
    body = {key: days.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
    answer = api(**body)
    assert answer.status_code == 400, answer.json()
    problem = answer.json()
    assert problem["type"].startswith("/problems/")
    assert any(pointer in error["pointer"] for error in problem["errors"])
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not PlanGeneration.objects.exists()


def test_a_pipeline_that_raises_falls_back_to_the_template_and_is_counted_as_its_failure(api, monkeypatch):
    real = generation.generate

    def broken(pipeline, athlete, goal, *, seed):
        if pipeline != "template":
            raise ZeroDivisionError("no")
        return real(pipeline, athlete, goal, seed=seed)

    monkeypatch.setattr(generation, "generate", broken)
    plan = plan_of(api())
    with unit_of_work(COMMAND_LINE, read_only=True):
        row = PlanGeneration.objects.get(plan=plan)
    assert (row.outcome, row.pipeline, row.routed_to) == (Outcome.FALLBACK, "template", "auto")
    assert "ZeroDivisionError" in row.failure
    assert "template" in plan.head_version.warnings_json[0]


def test_a_pipeline_over_its_time_falls_back(api, monkeypatch, settings):
    settings.GENERATION_TIME_BUDGET_SECONDS = 0.05
    real = generation.generate

    def slow(pipeline, athlete, goal, *, seed):
        if pipeline != "template":
            time.sleep(0.5)
        return real(pipeline, athlete, goal, seed=seed)

    monkeypatch.setattr(generation, "generate", slow)
    plan = plan_of(api())
    assert plan.pipeline == "template"


def test_an_athlete_with_a_history_gets_their_own_model(api):
    athlete = make_athlete(coach=api.coach, level="advanced", sex="female")
    with unit_of_work(service("demo")):
        _record(athlete, synthetic_history(ATHLETES[0], until=clock.today(), days=400))
    api.client.post(f"/api/v1/athletes/{athlete.pk}/model")
    plan = plan_of(api(athlete, race_distance="half_marathon"))
    assert plan.pipeline in ("advanced", "simplified")
    assert plan.head_version.predicted_json["low"] < plan.head_version.predicted_json["high"]
    assert plan.head_version.provenance_json["data_hash"]


def test_another_coachs_athlete_is_not_found(api):
    other = make_athlete()
    assert api(other).status_code == 404


def test_an_athlete_asks_for_themselves(flagged, django_capture_on_commit_callbacks):
    user = make_user("athlete")
    make_athlete(user=user)
    client = api_of(user)
    body = {"race_date": (clock.today() + timedelta(days=80)).isoformat(), "race_distance": "5k"}
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/api/v1/plans", body)
    assert answer.status_code == 202
    listed = client.get("/api/v1/plans").json()["results"]
    assert len(listed) == 1
    assert listed[0]["status"] == "generated"


def test_the_list_of_plans_costs_the_same_at_any_length(api):
    athletes = [make_athlete(coach=api.coach) for _ in range(3)]
    counts = []
    for athlete in athletes:
        api(athlete)
        with CaptureQueriesContext(connection) as queries:
            assert api.client.get("/api/v1/plans?status=pending").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]


def test_the_same_idempotency_key_makes_one_plan(api, django_capture_on_commit_callbacks):
    athlete = make_athlete(coach=api.coach)
    body = {
        "athlete_id": str(athlete.pk),
        "race_date": (clock.today() + timedelta(days=60)).isoformat(),
        "race_distance": "5k",
    }
    first = api.client.post("/api/v1/plans", body, HTTP_IDEMPOTENCY_KEY="k-1")
    again = api.client.post("/api/v1/plans", body, HTTP_IDEMPOTENCY_KEY="k-1")
    other = api.client.post("/api/v1/plans", {**body, "race_distance": "10k"}, HTTP_IDEMPOTENCY_KEY="k-1")
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 422
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanGeneration.objects.filter(athlete=athlete).count() == 1


def test_the_page_follows_a_plan_in_the_making(flagged, client, django_capture_on_commit_callbacks):
    coach = make_user("coach")
    athlete = make_athlete(coach=coach, tier="elite")
    client.force_login(coach)
    with django_capture_on_commit_callbacks() as after_commit:
        answer = client.post(
            f"/admin/accounts/athlete/{athlete.pk}/plan/",
            {
                "race_date": (clock.today() + timedelta(days=100)).isoformat(),
                "race_distance": "10k",
                "available_days": ["0", "2", "5"],
            },
        )
    assert answer.status_code == 302, answer.content
    waiting = client.get(answer["Location"])
    assert "Waiting for a worker" in waiting.content.decode()
    assert 'http-equiv="refresh"' in waiting.content.decode()
    for callback in after_commit:
        callback()
    ready = client.get(answer["Location"])
    assert ready["Location"].startswith("/admin/plans/plan/")

    other = make_user("coach")
    client.force_login(other)
    assert client.get(answer["Location"]).status_code == 404
