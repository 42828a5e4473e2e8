"""The public OpenFeature provider, unmodified, against a running server: our words are words that it knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from accounts.services.tokens import log_in
from common.management.base import COMMAND_LINE
from rollout.models import Flag
from rollout.ofrep import REASONS
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import kill_flag, seed_flags
from tests.factories import PASSWORD, make_athlete, make_user
from tests.support.databases import environment
from tests.support.processes import start_server, stop


@pytest.fixture
def asked(committed_database: str, tmp_path: Path) -> Iterator[tuple[OpenFeatureClient, Any, Any]]:
    """A client of a running server, the coach whose token it sends, and an athlete of theirs."""
    seed_flags(acting_user=COMMAND_LINE)
    Flag.objects.create(name="ui.half", enabled=True, rollout_thousandths=50_000)
    coach = make_user("coach")
    athlete = make_athlete(coach=coach, tier="elite")
    token = log_in(email=coach.email, password=PASSWORD).access
    env = environment(committed_database, MESOCYCLE_VAR=str(tmp_path / "var"), FLAGS_REFRESH="thread")
    server, processes = start_server(env, tmp_path / "server.log")
    try:
        provider = OFREPProvider(server.url, headers_factory=lambda: {"Authorization": f"Bearer {token}"}, timeout=60)
        api.set_provider(provider)
        yield api.get_client(), coach, athlete
    finally:
        api.clear_providers()
        stop(processes)


@pytest.mark.server
def test_every_answer_and_every_refusal_is_understood(asked: tuple[OpenFeatureClient, Any, Any]) -> None:
    client, coach, athlete = asked
    of_athlete, of_coach = EvaluationContext(str(athlete.pk)), EvaluationContext(str(coach.pk))

    on = client.get_boolean_details(KEY, False, of_athlete)
    assert (on.value, on.reason, on.variant, on.error_code) == (True, Reason.STATIC, "on", None)
    assert on.flag_metadata["reason"] == "everyone"

    half = client.get_boolean_details("ui.half", False, of_coach)
    assert (half.reason, half.error_code) == (Reason.SPLIT, None)

    refusals = [
        (client.get_boolean_details("plan.unknown", True, of_athlete), ErrorCode.FLAG_NOT_FOUND),
        (client.get_boolean_details(KEY, True, EvaluationContext()), ErrorCode.TARGETING_KEY_MISSING),
        (client.get_boolean_details(KEY, True, of_coach), ErrorCode.INVALID_CONTEXT),
        (client.get_string_details(KEY, "x", of_athlete), ErrorCode.TYPE_MISMATCH),
    ]
    assert [found.error_code for found, _ in refusals] == [expected for _, expected in refusals]
    assert client.get_boolean_value("plan.unknown", True, of_athlete) is True  # the caller's default

    kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    killed = _until(lambda: client.get_boolean_details(KEY, True, of_athlete), lambda d: d.reason == Reason.DISABLED)
    assert (killed.value, killed.variant, killed.flag_metadata["reason"]) == (False, "off", "killed")


def _until(ask: Any, holds: Any) -> Any:
    end = time.monotonic() + 10
    while not holds(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


@pytest.mark.pure
def test_every_reason_of_ours_is_one_of_the_standards() -> None:
    """The provider falls to the caller's default where it is not."""
    assert set(REASONS.values()) | {"UNKNOWN"} <= {reason.name for reason in Reason}
