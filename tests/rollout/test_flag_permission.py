"""`HasFlag`: the flag's decision as a permission, about the athlete or the signed-in user; health tells its age."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.test import Client
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from accounts.models import Athlete
from common import clock
from common.api import UnitOfWorkAPIMixin
from common.errors import NotVisible
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.evaluation import FULL
from rollout.models import Flag
from rollout.permissions import HasFlag
from rollout.selectors import get_flag_config, is_feature_enabled
from rollout.services import flags
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db


class ByAthlete(UnitOfWorkAPIMixin):
    permission_classes: ClassVar = [HasFlag("plan.x")]

    def get(self, request, **kwargs):
        return Response("in")

    post = get


class ByObject(UnitOfWorkAPIMixin, GenericAPIView):
    permission_classes: ClassVar = [HasFlag("plan.x")]
    queryset = Athlete.objects.all()

    def get(self, request, pk):
        self.get_object()
        return Response("in")


class ByUser(ByAthlete):
    permission_classes: ClassVar = [HasFlag("ui.x")]


@pytest.fixture
def flag():
    Flag.objects.create(name="ui.x", enabled=True, rollout_thousandths=FULL)
    return Flag.objects.create(name="plan.x", enabled=True, requires_tier="elite", rollout_thousandths=FULL)


@pytest.fixture
def coached(flag):
    coach = make_user("coach")
    return coach, make_athlete(coach=coach, tier="elite")


def ask(view: Any, user: Any, method: str = "get", data: Any = None, **kwargs: Any) -> Any:
    request = getattr(APIRequestFactory(), method)("/", data, **({"format": "json"} if method == "post" else {}))
    if user is not None:
        force_authenticate(request, user)
    return view.as_view()(request, **kwargs)


def test_a_plan_flag_is_about_the_athlete_whom_address_body_or_query_name(coached):
    coach, athlete = coached
    excluded = make_athlete(coach=coach, tier="free")
    for one, status in ((athlete, 200), (excluded, 403)):
        assert ask(ByAthlete, coach, athlete_id=one.pk).status_code == status
        assert ask(ByAthlete, coach, "post", {"athlete_id": str(one.pk)}).status_code == status
        assert ask(ByAthlete, coach, data={"athlete_id": str(one.pk)}).status_code == status
        assert ask(ByObject, coach, pk=one.pk).status_code == status


def test_the_refusal_is_a_problem_with_the_reason(coached):
    coach, athlete = coached
    flags.kill_flag(key="plan.x", reason="fire", acting_user=COMMAND_LINE)
    answer = ask(ByAthlete, coach, athlete_id=athlete.pk)
    assert (answer.status_code, answer.data["status"]) == (403, 403)
    assert answer.data["type"].endswith("/forbidden/")
    assert answer.data["detail"] == "plan.x is off here: killed."


def test_an_override_lets_one_athlete_in(coached):
    coach, _ = coached
    free = make_athlete(coach=coach, tier="free")
    end = clock.now() + timedelta(days=1)
    flags.set_user_override(
        key="plan.x", subject_id=free.pk, value=True, reason="x", expires_at=end, acting_user=COMMAND_LINE
    )
    assert ask(ByAthlete, coach, athlete_id=free.pk).status_code == 200


@pytest.mark.parametrize("strange", [lambda: make_athlete(tier="elite").pk, uuid7, lambda: "no-id"])
def test_an_athlete_outside_the_scope_is_not_found(coached, strange):
    assert ask(ByAthlete, coached[0], athlete_id=strange()).status_code == 404


def test_where_no_athlete_is_named_the_flag_is_off(coached):
    answer = ask(ByAthlete, coached[0])
    assert (answer.status_code, "no_identity" in answer.data["detail"]) == (403, True)


def test_a_ui_flag_is_about_the_signed_in_user(coached):
    coach, _ = coached
    assert ask(ByUser, coach).status_code == 200
    end = clock.now() + timedelta(days=1)
    flags.set_user_override(
        key="ui.x", subject_id=coach.pk, value=False, reason="x", expires_at=end, acting_user=COMMAND_LINE
    )
    assert ask(ByUser, coach).status_code == 403
    assert ask(ByUser, make_user("coach")).status_code == 200


def test_anonymous_is_off(coached):
    for view in (ByUser, ByAthlete):
        assert ask(view, None, athlete_id=coached[1].pk).status_code in (401, 403)


def test_an_unknown_flag_is_off():
    assert not is_feature_enabled("plan.unknown", None)
    with pytest.raises(NotVisible):
        get_flag_config("plan.unknown")


def test_a_flags_configuration_is_told_in_the_requirements_words():
    flags.seed_flags(acting_user=COMMAND_LINE)
    config = get_flag_config("plan.model_driven_generation")
    assert (config.enabled, config.requires_tier, config.rollout_percentage) == (True, "elite", 100)
    assert "performance model" in config.description
    flags.kill_flag(key="plan.model_driven_generation", reason="fire", acting_user=COMMAND_LINE)
    assert get_flag_config("plan.model_driven_generation").killed


def test_readiness_tells_version_and_age_of_the_snapshot(flag):
    assert Client().get("/health/live").json() == {"status": "ok"}
    answer = Client().get("/health/ready")
    told = answer.json()
    assert (answer.status_code, told["database"], told["flags"]["source"]) == (200, True, "database")
    assert told["flags"]["snapshot_version"]
    assert 0 <= told["flags"]["snapshot_age_seconds"] < 60
    assert "no-store" in answer["Cache-Control"]
