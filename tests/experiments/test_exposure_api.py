"""What clients tell of uses of variants, and what they read of experiments."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import ExperimentExposure
from experiments.services.running import begin_phase, create_experiment, step
from plans.variants import ALGORITHM, TEST_GROUPS
from tests.experiments.test_assigning import FIELDS, KEY, agree, agreeing
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/exposures"


@pytest.fixture
def taper():
    create_experiment(key=KEY, fields=FIELDS, reason="try it", acting_user=COMMAND_LINE)
    return told("start")


@pytest.fixture
def coach():
    return make_user("coach")


@pytest.fixture
def athlete(taper, coach):
    return agreeing(coach=coach)


def told(command):
    return step(key=KEY, command=Command(command), reason="why", expected=None, acting_user=COMMAND_LINE)


def use(athlete, **changes):
    return {"experiment_key": KEY, "subject_id": str(athlete.pk), "variant": "a", "source_id": str(uuid4()), **changes}


def tell(user, body):
    return api_of(user).post(ADDRESS, body, format="json")


def stored():
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(ExperimentExposure.objects.order_by("id"))


def pointers(answer):
    return [error["pointer"] for error in answer.json()["errors"]]


def test_a_use_is_kept_with_the_coach_of_then_and_recorded(athlete, coach):
    at = clock.now()
    body = use(athlete, exposed_at=at.isoformat())
    with clock.frozen(at + timedelta(minutes=5)):
        answer = tell(coach, body)
    assert answer.status_code == 201
    assert answer.json().items() >= {name: body[name] for name in body if name != "exposed_at"}.items()
    [row] = stored()
    assert (row.subject_id, row.variant, row.coach_id, row.exposed_at) == (athlete.pk, "a", coach.pk, at)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert AuditEvent.objects.get(action="experiment.expose").subject_id == athlete.pk


def test_the_same_source_twice_is_one_use(athlete, coach):
    body = use(athlete)
    first, again = tell(coach, body), tell(coach, body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(stored()) == 1


def test_a_source_of_another_use_is_refused(athlete, coach):
    other = agreeing(coach=coach)
    body = use(athlete)
    assert tell(coach, body).status_code == 201
    for changed in ({"variant": "b"}, {"subject_id": str(other.pk)}):
        answer = tell(coach, {**body, **changed})
        assert (answer.status_code, pointers(answer)) == (400, ["#/source_id"])
    assert len(stored()) == 1


def test_a_source_that_somebody_out_of_scope_told_is_refused_as_well(athlete, coach):
    other = make_user("coach")
    theirs = agreeing(coach=other)
    body = use(athlete)
    assert tell(coach, body).status_code == 201
    answer = tell(other, {**body, "subject_id": str(theirs.pk)})
    assert (answer.status_code, pointers(answer)) == (400, ["#/source_id"])
    assert str(athlete.pk) not in answer.content.decode()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"variant": "c"}, "#/variant"),
        ({"variant": "A a"}, "#/variant"),
        ({"variant": ""}, "#/variant"),
        ({"source_id": "7"}, "#/source_id"),
        ({"exposed_at": "yesterday"}, "#/exposed_at"),
    ],
)
def test_what_is_no_use_is_refused_at_its_field(athlete, coach, wrong, pointer):
    answer = tell(coach, use(athlete, **wrong))
    assert (answer.status_code, pointers(answer)) == (400, [pointer])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stored() == []


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_a_use_lies_between_the_start_and_now(athlete, coach, seconds):
    at = clock.now() + timedelta(seconds=seconds)
    answer = tell(coach, use(athlete, exposed_at=at.isoformat()))
    assert (answer.status_code, pointers(answer)) == (400, ["#/exposed_at"])
    assert stored() == []


def test_nothing_is_kept_of_who_has_not_agreed(athlete, coach):
    agree(athlete, granted=False)
    answer = tell(coach, use(athlete))
    assert (answer.status_code, "not consented" in answer.json()["detail"]) == (409, True)
    assert stored() == []


def test_nothing_is_kept_before_the_start_and_after_the_end(coach):
    create_experiment(key=KEY, fields=FIELDS, reason="try it", acting_user=COMMAND_LINE)
    athlete = agreeing(coach=coach)
    assert tell(coach, use(athlete)).status_code == 409
    told("start")
    assert tell(coach, use(athlete)).status_code == 201
    told("complete")
    assert tell(coach, use(athlete)).status_code == 409
    assert len(stored()) == 1


def test_a_pause_still_keeps_what_was_used(athlete, coach):
    told("pause")
    assert tell(coach, use(athlete)).status_code == 201


def test_a_variant_of_an_earlier_phase_was_used_too(athlete, coach):
    changes = {"variant_weights": {"a": 0, "b": 100}}
    begin_phase(key=KEY, changes=changes, reason="b is safe", expected=None, acting_user=COMMAND_LINE)
    assert tell(coach, use(athlete, variant="a")).status_code == 201


def test_only_who_is_theirs_and_only_by_who_may(athlete, coach, taper):
    assert tell(make_user("coach"), use(athlete)).status_code == 404
    assert tell(coach, use(make_athlete())).status_code == 404
    assert tell(coach, use(athlete, experiment_key="none")).status_code == 404
    for role in ("data_scientist", "compliance"):
        assert tell(make_user(role), use(athlete)).status_code == 403
    assert stored() == []


# Reading experiments


@pytest.fixture
def scientist():
    return api_of(make_user("data_scientist"))


def test_experiments_are_listed_newest_first_by_cursor(scientist):
    keys = [f"e-{i}" for i in range(5)]
    for key in keys:
        create_experiment(key=key, fields=FIELDS, reason="x", acting_user=COMMAND_LINE)
    first = scientist.get("/api/v1/experiments", {"page_size": 3}).json()
    second = scientist.get(first["next"]).json()
    assert [row["key"] for row in first["results"] + second["results"]] == keys[::-1]
    assert second["next"] is None
    assert {row["status"] for row in first["results"]} == {"draft"}


def test_one_experiment_tells_all_of_itself_and_its_tag_follows_each_change(scientist):
    create_experiment(key=ALGORITHM, fields=TEST_GROUPS, reason="x", acting_user=COMMAND_LINE)
    draft = scientist.get(f"/api/v1/experiments/{ALGORITHM}")
    body = draft.json()
    assert (body["status"], body["is_frozen"], body["phases"]) == ("draft", False, [])
    assert body["configuration"]["variant_weights"] == TEST_GROUPS["variant_weights"]
    assert body["protocol"]["primary_metric"] == "satisfaction"
    same = scientist.get(f"/api/v1/experiments/{ALGORITHM}", HTTP_IF_NONE_MATCH=draft.headers["ETag"])
    assert (same.status_code, same.content) == (304, b"")
    step(key=ALGORITHM, command=Command.START, reason="go", expected=None, acting_user=COMMAND_LINE)
    running = scientist.get(f"/api/v1/experiments/{ALGORITHM}", HTTP_IF_NONE_MATCH=draft.headers["ETag"])
    assert running.status_code == 200
    [phase] = running.json()["phases"]
    assert (phase["number"], phase["reason"], phase["document"]["key"]) == (1, "go", ALGORITHM)
    assert running.json()["protocol_sha256"]


def test_an_experiment_that_is_not_there_is_no_experiment(scientist):
    assert scientist.get("/api/v1/experiments/none").status_code == 404
