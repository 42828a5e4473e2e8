"""Messages go out after the change, once, in order, and again after an outage; the listener is a real web hook."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from common import clock
from common.alerts import Severity, raise_alert
from common.context import NoContext, unit_of_work
from common.management.base import COMMAND_LINE
from rollout.checks import addresses_are_known
from rollout.models import MessageGroup, MessageKind, MessageState, RolloutMessage
from rollout.services.messages import LEASE, RETRY_AFTER, deliver_due, tell
from tests.rollout.people.making import listening

pytestmark = pytest.mark.django_db


@pytest.fixture
def addresses(settings):
    """The addresses of each group, empty at first."""
    settings.NOTIFY_URLS = {"oncall": [], "team": [], "stakeholders": []}
    return settings.NOTIFY_URLS


def say(subject, *, key=None, groups=(MessageGroup.TEAM,)):
    with unit_of_work(COMMAND_LINE):
        tell(MessageKind.DAILY_STATUS, dedupe_key=key or subject, groups=groups, subject=subject, text="all is well")


def messages():
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(RolloutMessage.objects.order_by("id"))


def only():
    (row,) = messages()
    return row


def test_a_message_reaches_the_address_once(addresses):
    with listening() as heard:
        addresses["team"].append(heard.address)
        say("Status")
        assert [deliver_due(clock.now()), deliver_due(clock.now() + timedelta(days=1))] == [1, 0]
    assert heard.titles == ["Status"]
    assert heard.got[0]["message"] == "all is well"
    assert only().state == MessageState.SENT


def test_the_same_cause_is_told_once_to_each_group(addresses):
    for _ in range(3):
        say("Status", groups=(MessageGroup.TEAM, MessageGroup.ONCALL))
    assert sorted(row.group for row in messages()) == ["oncall", "team"]


def test_messages_go_out_in_the_order_in_which_they_were_written(addresses):
    with listening() as heard:
        addresses["team"].append(heard.address)
        for name in ("first", "second", "third"):
            say(name)
        assert deliver_due(clock.now()) == 3
    assert heard.titles == ["first", "second", "third"]


def test_after_an_error_it_is_tried_again_later_and_not_before(addresses):
    now = clock.now()
    with listening(500) as heard:
        addresses["team"].append(heard.address)
        say("Status")
        assert deliver_due(clock.now()) == 0
        failed = only()
        assert (failed.state, failed.attempts) == (MessageState.FAILED, 1)
        assert failed.last_error.startswith("json: ")
        assert deliver_due(now + RETRY_AFTER[0] - timedelta(seconds=5)) == 0
        assert deliver_due(clock.now() + RETRY_AFTER[0]) == 1
    assert heard.titles == ["Status"]
    assert only().last_error == ""


def test_an_address_that_has_it_does_not_get_it_again_because_another_failed(addresses):
    with listening() as good, listening(500) as bad:
        addresses["team"] += [good.address, bad.address]
        say("Status")
        deliver_due(clock.now())
        assert deliver_due(clock.now() + RETRY_AFTER[0]) == 1
    assert good.titles == bad.titles == ["Status"]


def test_one_that_fails_holds_up_no_other(addresses):
    with listening(500) as heard:
        addresses["team"].append(heard.address)
        say("first")
        say("second")
        assert deliver_due(clock.now()) == 1
    assert heard.titles == ["second"]


def test_it_is_given_up_after_the_last_try(addresses):
    addresses["team"].append("json://127.0.0.1:1/nobody")
    say("Status")
    at = clock.now()
    for wait in (timedelta(), *RETRY_AFTER):
        at += wait
        assert deliver_due(at) == 0
    assert (only().state, only().attempts) == (MessageState.GIVEN_UP, len(RETRY_AFTER) + 1)
    assert deliver_due(at + timedelta(days=9)) == 0


def test_a_group_without_an_address_is_given_up_at_once_and_says_what_is_missing(addresses):
    say("Status")
    assert deliver_due(clock.now()) == 0
    assert (only().state, only().last_error) == (MessageState.GIVEN_UP, "NOTIFY_URLS_TEAM names no address")


def test_of_two_workers_one_sends(addresses, monkeypatch):
    from rollout.services import messages as module

    with listening() as heard:
        addresses["team"].append(heard.address)
        say("Status")
        row = only()
        assert module._send(row, clock.now())
        assert not module._send(row, clock.now()), "the second read the row before the first had claimed it"
    assert heard.titles == ["Status"]


def test_a_worker_that_dies_is_replaced_after_its_lease(addresses, monkeypatch):
    from rollout.services import messages as module

    def die(*args, **kwargs):
        raise SystemExit

    with listening() as heard:
        addresses["team"].append(heard.address)
        say("Status")
        now = clock.now()
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(module, "deliver", die)
            deliver_due(now)
        assert deliver_due(now + LEASE / 2) == 0
        assert deliver_due(now + LEASE) == 1
    assert heard.titles == ["Status"]


def test_what_was_rolled_back_is_not_told(addresses):
    with pytest.raises(RuntimeError), unit_of_work(COMMAND_LINE):
        tell(MessageKind.INCIDENT, dedupe_key="x", groups=[MessageGroup.TEAM], subject="s", text="t")
        raise RuntimeError
    assert messages() == []


def test_telling_outside_a_unit_of_work_is_refused():
    with pytest.raises(NoContext):
        tell(MessageKind.INCIDENT, dedupe_key="x", groups=[MessageGroup.TEAM], subject="s", text="t")


def test_an_alert_outlives_the_roll_back_of_what_raised_it_and_is_told_once(addresses):
    for _ in range(2):
        with pytest.raises(RuntimeError), unit_of_work(COMMAND_LINE):
            raise_alert("flag_service_down", severity=Severity.CRITICAL, text="no snapshot", dedupe_key="today")
            raise RuntimeError
    assert {(row.group, row.subject) for row in messages()} == {
        ("oncall", "Alert (critical): flag service down"),
        ("team", "Alert (critical): flag service down"),
    }


def test_a_warning_wakes_nobody(addresses):
    raise_alert("slow", severity=Severity.WARNING, text="slow", dedupe_key="today")
    assert only().group == "team"


def test_a_sink_that_fails_does_not_fail_what_raised_the_alert(addresses, monkeypatch):
    from common.alerts import SINKS

    def broken(alert):
        raise ValueError("no sink today")

    monkeypatch.setitem(SINKS._entries, "stakeholders", broken)
    with unit_of_work(COMMAND_LINE):
        raise_alert("slow", severity=Severity.WARNING, text="slow", dedupe_key="today")
    assert messages() == []


def test_an_address_that_apprise_does_not_know_is_found_at_the_start(addresses):
    addresses["oncall"].append("carrier-pigeon://coop")
    (warning,) = addresses_are_known(None)
    assert "NOTIFY_URLS_ONCALL" in warning.msg
    assert "pigeon" not in warning.msg, "an address is a secret"


def test_the_database_knows_the_states():
    say("Status")
    with pytest.raises(Exception, match="message_state_known"), unit_of_work(COMMAND_LINE):
        RolloutMessage.objects.update(state="lost")
    assert connection.needs_rollback or only().state == MessageState.PENDING
