"""What plans tell the warehouse besides what happened: the schedule, the kinds of changes, requests, races."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.core.performance import vdot
from modeling.services.corrections import correct_row, delete_row
from modeling.services.import_history import import_history
from modeling.services.proposals import accept_proposals, propose_tests
from modeling.services.record_test import add_test, add_threshold
from plans.jobs import GENERATION
from plans.models import PlanGeneration
from plans.services.generate_plan import tell_failure
from plans.services.rate_cycle import record_result
from plans.services.regenerate_plan import regenerate_plan
from plans.services.request_plan import PlanWish, request_plan
from telemetry.models import OutboxEvent
from telemetry.tokens import person_token
from tests.factories import make_athlete, make_user
from tests.plans.review import Review, make_review, note_op, plan_row, replace_op, sunday
from tests.plans.test_training import free_day

pytestmark = pytest.mark.django_db


def told(event_type: str) -> list[dict[str, Any]]:
    """The data of all events of a type, oldest first."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = OutboxEvent.objects.filter(type=event_type).order_by("id")
        return [row.data["data"] for row in rows]


def due(review: Review) -> list[dict[str, str]]:
    sessions = (s for s in review.sessions() if s["kind"] not in ("rest", "race"))
    return [{"session_id": s["session_id"], "day": s["day"]} for s in sessions]


@pytest.fixture
def review() -> Review:
    return make_review()


def publish(review: Review) -> None:
    assert review.submit().status_code == 200
    assert review.decide("accept").json()["status"] == "published"


def test_the_schedule_is_told_of_what_the_athlete_trains_by_alone(review: Review) -> None:
    first = review.editable()[0]
    review.patch([replace_op(first, "title", "Hills")])
    publish(review)
    (published,) = told("plan.published")
    assert published["schedule"] == due(review)
    assert len(published["schedule"]) > 20
    second = next(s for s in review.editable() if s["kind"] == "easy" and free_day(review, s))
    to = free_day(review, second)
    body = {"plan_id": str(review.plan_id), "day": to}
    assert review.as_athlete.post(f"/api/v1/sessions/{second['session_id']}/move", body).status_code == 200
    review.patch([note_op(first, "on grass")])
    draft, after_move, revision = told("plan.version.updated")
    assert (draft["schedule"], revision["schedule"]) == (None, None)
    assert {"session_id": second["session_id"], "day": to} in after_move["schedule"]
    assert len(after_move["schedule"]) == len(published["schedule"])


def test_a_submission_tells_what_differs_from_the_machines_proposal(review: Review) -> None:
    assert review.submit().status_code == 200
    assert review.decide("request_changes").status_code == 200
    first, second, third = review.editable()[:3]
    minutes = first["prescribed_work"]["duration_min"]
    review.patch([replace_op(first, "prescribed_work/duration_min", minutes + 5), note_op(second, "on grass")])
    review.patch([note_op(third, "together"), note_op(second, "on sand")])
    publish(review)
    untouched, edited = told("plan.submitted")
    assert (untouched["changes"], untouched["changed"]) == (0, [])
    assert (edited["changes"], edited["changed"]) == (3, ["notes", "volume"])
    (approved,) = told("plan.approved")
    assert (approved["changes"], approved["changed"]) == (3, ["notes", "volume"])


def test_each_request_is_told_once_when_it_ends(review: Review) -> None:
    (made,) = told("generation.settled")
    with unit_of_work(COMMAND_LINE, read_only=True):
        request = PlanGeneration.objects.get()
    generated = told("plan.generated")[0]
    assert made == {
        "athlete": person_token(review.athlete.pk),
        "coach_id": person_token(review.coach.pk),
        "generation_id": str(request.pk),
        "plan_id": str(review.plan_id),
        "outcome": request.outcome,
        "latency_ms": request.latency_ms,
        "pipeline": request.pipeline,
        "preference": "",
        "experiment_arm": "",
        "variant": "",
        "algorithm_version": generated["algorithm_version"],
        "routing_reason": request.routing_reason,
    }
    regenerate_plan(plan_id=review.plan_id, expected=None, seed=7, acting_user=review.coach)
    again = told("generation.settled")[1]
    assert again["plan_id"] == made["plan_id"]
    assert again["generation_id"] != made["generation_id"]


def test_a_request_that_fails_is_told_once(review: Review, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.jobs._dispatch_on_commit", lambda job_id: None)
    athlete = make_athlete(coach=review.coach)
    wish = PlanWish(race_date=sunday(10), race_distance="10k", model_choice="simplified")
    asked = request_plan(athlete_id=athlete.pk, wish=wish, acting_user=review.coach)
    for _ in range(2):
        tell_failure(generation_id=asked.pk, why="Ann's file", acting_user=GENERATION)
    (_, failed) = told("generation.settled")
    assert (failed["outcome"], failed["plan_id"], failed["latency_ms"]) == ("failed", None, None)
    assert (failed["pipeline"], failed["preference"]) == (asked.routed_to, "simplified")
    assert (failed["algorithm_version"], failed["experiment_arm"]) == ("", "")


@pytest.fixture
def racing(review: Review) -> Any:
    """A published plan of somebody who ran 10 km in 55 minutes before, on the day of the race."""
    add(review, clock.today() - timedelta(days=9), 3300)
    publish(review)
    with clock.frozen(clock.now() + (plan_row(review).race_date - clock.today())):
        yield review


def add(review: Review, day: date, seconds: float, **more: Any) -> Any:
    value = round(vdot(10_000, seconds), 2)
    return add_test(
        athlete_id=review.athlete.pk, day=day, value=value, acting_user=review.coach, **{"kind": "race", **more}
    )


def test_a_result_is_told_with_what_was_promised_and_what_was_before(racing: Review) -> None:
    plan = plan_row(racing)
    record_result(athlete_id=racing.athlete.pk, race="10k", day=clock.today(), seconds=3135, acting_user=racing.user)
    (result,) = told("race.result")
    promised = plan.active_version.predicted_json
    assert result["raced"] == pytest.approx(3135, rel=2e-4)
    assert (result["unit"], result["race"], result["raced_on"]) == ("s", "10k", clock.today().isoformat())
    assert (result["predicted"], result["predicted_low"]) == (promised["value"], promised["low"])
    assert result["error_percent"] == pytest.approx(100 * (promised["value"] - 3135) / 3135, abs=0.05)
    assert result["before"] == pytest.approx(3300, rel=2e-4)
    assert result["improvement_percent"] == pytest.approx(5.0, abs=0.05)
    assert (result["athlete"], result["coach_id"]) == (person_token(racing.athlete.pk), person_token(racing.coach.pk))
    assert result["plan_id"] == str(plan.pk)
    assert (result["version_number"], result["pipeline"]) == (plan.active_version.version_number, plan.pipeline)


def test_a_result_is_told_again_where_it_changes_and_only_there(racing: Review) -> None:
    test = add(racing, clock.today(), 3140)
    add(racing, clock.today(), 3600, kind="lab")
    add(racing, clock.today(), 3000, kind="field")
    change = {"kind": "test", "row_id": test.pk, "reason": "mistyped", "acting_user": racing.coach}
    correct_row(changes={"note": "windy"}, **change)
    assert len(told("race.result")) == 1
    correct_row(changes={"value": round(vdot(10_000, 3100), 2)}, **change)
    assert [round(one["raced"], -1) for one in told("race.result")] == [3140, 3100]
    delete_row(**change)  # now the effort in the field is the best that is known
    assert round(told("race.result")[-1]["raced"], -1) == 3000


def test_an_imported_result_counts_like_one_that_was_entered(racing: Review) -> None:
    table = f"date,vdot\n{clock.today().isoformat()},42.5\n".encode()
    mapping = {"date": "date", "test": "vdot", "test_kind": "race"}
    about = {"athlete_id": racing.athlete.pk, "mapping": mapping, "acting_user": racing.coach}
    assert [import_history(sources=[("tests.csv", table)], **about).tests_added for _ in range(2)] == [1, 0]
    assert len(told("race.result")) == 1


def test_an_accepted_effort_of_the_race_day_counts_too(racing: Review) -> None:
    who = {"athlete_id": racing.athlete.pk, "acting_user": racing.coach}
    since = clock.today() - timedelta(days=60)
    add_threshold(**who, sport="running", valid_from=since, threshold_hr=172.0)
    ran = "".join(f"{clock.today() - timedelta(days=n)},run,{2900 + n},10000,178,190\n" for n in (0, 9))
    table = f"date,sport,duration,distance,mean_hr,max_hr\n{ran}".encode()
    import_history(athlete_id=racing.athlete.pk, sources=[("runs.csv", table)], acting_user=racing.coach)
    assert propose_tests(**who)
    accept_proposals(**who)
    assert len(told("race.result")) == 1


def test_another_race_another_day_and_a_plan_that_was_never_published_have_no_result(racing: Review) -> None:
    record_result(athlete_id=racing.athlete.pk, race="5k", day=clock.today(), seconds=1500, acting_user=racing.user)
    add(racing, clock.today() - timedelta(days=1), 3100)
    other = make_athlete(coach=make_user("coach"))
    add_test(athlete_id=other.pk, day=clock.today(), value=45.0, kind="race", acting_user=COMMAND_LINE)
    assert told("race.result") == []
