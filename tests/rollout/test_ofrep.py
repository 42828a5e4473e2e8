"""OFREP: standard reasons, the caller's scope, tags with the context; and the public toggles."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.evaluation import FULL
from rollout.models import Flag
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services import flags
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db
BULK = "/ofrep/v1/evaluate/flags"


@pytest.fixture
def coached():
    flags.seed_flags(acting_user=COMMAND_LINE)
    coach = make_user("coach")
    return api_of(coach), coach, make_athlete(coach=coach, tier="elite")


def ask(client, key, subject, **headers):
    return client.post(f"{BULK}/{key}", {"context": {"targetingKey": str(subject)}}, **headers)


def test_a_flag_is_answered_with_the_standards_words(coached):
    client, _, athlete = coached
    answer = ask(client, KEY, athlete.pk)
    assert answer.status_code == 200
    body = answer.json()
    assert {name: body[name] for name in ("key", "value", "reason", "variant")} == {
        "key": KEY, "value": True, "reason": "STATIC", "variant": "on",
    }  # fmt: skip
    flags.kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    killed = ask(client, KEY, athlete.pk).json()
    assert (killed["value"], killed["reason"], killed["metadata"]["reason"]) == (False, "DISABLED", "killed")


def test_the_tier_is_the_servers_word(coached):
    client, coach, _ = coached
    free = make_athlete(coach=coach, tier="free")
    context = {"targetingKey": str(free.pk), "tier": "elite"}
    body = client.post(f"{BULK}/{KEY}", {"context": context}).json()
    assert (body["value"], body["metadata"]["reason"]) == (False, "tier")


def test_only_subjects_in_the_callers_scope(coached):
    client, coach, _ = coached
    for stranger in (make_athlete().pk, make_user("coach").pk, uuid7()):
        answer = ask(client, KEY, stranger)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_CONTEXT")
    assert ask(client, KEY, coach.pk).json()["errorCode"] == "INVALID_CONTEXT"
    assert ask(APIClient(), KEY, coach.pk).status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALID_CONTEXT"),
        ({"context": 7}, "INVALID_CONTEXT"),
        ({"context": {}}, "TARGETING_KEY_MISSING"),
        ({"context": {"targetingKey": ""}}, "TARGETING_KEY_MISSING"),
        ({"context": {"targetingKey": "user-1"}}, "INVALID_CONTEXT"),
        ({"context": {"targetingKey": ["a"]}}, "INVALID_CONTEXT"),
        ([], "INVALID_CONTEXT"),
    ],
)
def test_a_bad_context_gets_the_protocols_error(coached, body, code):
    for path in (BULK, f"{BULK}/{KEY}"):
        answer = coached[0].post(path, body)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, code)
        assert answer.json()["errorDetails"]


@pytest.mark.parametrize("body", ["{", '{"context": {"targetingKey": "\\u0000"}}', "\xff"])
def test_a_body_that_cannot_be_read_gets_the_protocols_error_too(coached, body):
    for path in (BULK, f"{BULK}/{KEY}"):
        answer = coached[0].generic("POST", path, body.encode("latin-1"), content_type="application/json")
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "PARSE_ERROR")
        assert answer["Content-Type"] == "application/json"


def test_an_unknown_flag_is_not_found(coached):
    answer = ask(coached[0], "plan.nothing", coached[2].pk)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


def test_all_flags_at_once_with_a_tag_that_knows_the_context(coached):
    client, coach, athlete = coached
    other = make_athlete(coach=coach, tier="elite")
    first = client.post(BULK, {"context": {"targetingKey": str(athlete.pk)}})
    assert [flag["key"] for flag in first.json()["flags"]] == [KEY]
    again = client.post(BULK, {"context": {"targetingKey": str(athlete.pk)}}, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(BULK, {"context": {"targetingKey": str(other.pk)}})["ETag"] != first["ETag"]
    flags.kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    changed = client.post(BULK, {"context": {"targetingKey": str(athlete.pk)}}, HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200


def test_the_public_toggles_are_cached_and_tell_of_nobody(django_assert_num_queries):
    Flag.objects.create(name="ui.calendar", enabled=True, rollout_thousandths=FULL)
    Flag.objects.create(name="ui.half", enabled=True, rollout_thousandths=50_000)
    Flag.objects.create(name="plan.secret", enabled=True, rollout_thousandths=FULL)
    answer = APIClient().get("/api/v1/flags/config")
    assert answer.json()["flags"] == {"ui.calendar": True, "ui.half": False}
    assert "public" in answer["Cache-Control"]
    assert "max-age=60" in answer["Cache-Control"]
    again = APIClient().get("/api/v1/flags/config", HTTP_IF_NONE_MATCH=answer["ETag"])
    assert (again.status_code, again.content) == (304, b"")
