"""Alert rules on real tables: read, fire, tell, remind, silence, acknowledge, clear; what ships (D5, I8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from audit.models import AuditEvent
from common import clock
from common.alerts import SINKS
from common.context import COMMAND_LINE, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState
from common.ids import uuid7
from common.models import Job, RequestRollup
from common.monitoring import METRICS, Metric, Reading, Unit
from rollout.models import RolloutMessage
from telemetry.models import AlertIncident, AlertNotice, AlertRule, AlertState
from telemetry.services.alert_rules import (
    acknowledge_alert,
    add_rule,
    change_rule,
    end_silence,
    silence_rule,
    try_channel,
)
from telemetry.services.alerts import SWITCHED_OFF, evaluate_alerts, hand_over_notices
from tests.factories import make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = {
    "name": "Leaks", "metric": "test.leaks", "comparison": "above", "threshold": 5.0, "clear_threshold": 3.0,
    "window_minutes": 10, "min_n": 20, "severity": "critical",
}  # fmt: skip


class Tap:
    """A metric that says what a test wants."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.asked: list[tuple[datetime, datetime]] = []

    def read(self, since: datetime, until: datetime) -> list[Reading]:
        self.asked.append((since, until))
        if not self.readings:
            raise OSError("no water")
        return self.readings

    def says(self, *values: tuple[str, float | None, int]) -> None:
        self.readings = [Reading(label, value, n, f"behind {label}") for label, value, n in values]


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tap]:
    """One metric, and no rule but those that the test writes."""
    made = Tap()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS.items()))
    METRICS.register("test.leaks", Metric("Leaks", "leaks", Unit.PERCENT, made.read))
    with unit_of_work(COMMAND_LINE):
        AlertRule.objects.all().delete()
    with clock.frozen(NOW):
        yield made


@pytest.fixture
def admin() -> Any:
    return make_user("admin")


def rule_of(**changes: Any) -> AlertRule:
    return add_rule(fields={**RULE, **changes}, acting_user=COMMAND_LINE)


def look(at: datetime) -> None:
    with clock.frozen(at):
        evaluate_alerts()


def told() -> list[tuple[str, str]]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = RolloutMessage.objects.filter(kind__startswith="alert").order_by("id", "group")
        return [(row.group, row.subject) for row in rows]


def test_an_alert_is_told_reminded_and_over(tap):
    rule_of(remind_minutes=60)
    tap.says(("north", 7.0, 40))
    look(NOW)
    assert tap.asked == [(NOW - 10 * MINUTE, NOW)]
    assert told() == [("oncall", "Alert (critical): Leaks"), ("team", "Alert (critical): Leaks")]
    body = RolloutMessage.objects.latest("id").text
    assert "Leaks, north: 7.0 % over the last 10 min (n = 40); the rule: above 5.0 %.\nbehind north" in body
    assert f"/admin/telemetry/alertincident/{AlertIncident.objects.get().pk}/change/" in body

    tap.says(("north", 4.0, 40))  # below what raises it, not yet within what ends it
    look(NOW + 59 * MINUTE)
    assert len(told()) == 2
    look(NOW + 60 * MINUTE)
    assert told()[2:] == [("oncall", "Still (critical): Leaks"), ("team", "Still (critical): Leaks")]
    tap.says(("north", 3.0, 40))
    look(NOW + 61 * MINUTE)
    assert told()[4:] == [("oncall", "Over: Leaks"), ("team", "Over: Leaks")]
    incident = AlertIncident.objects.get()
    assert (incident.value, incident.began_at, incident.ended_at) == (7.0, NOW, NOW + 61 * MINUTE)
    assert RolloutMessage.objects.filter(kind="alert_cleared").count() == 2


def test_labels_stand_by_themselves_and_a_rule_may_be_about_one(tap):
    rule_of()
    tap.says(("north", 7.0, 40), ("south", 1.0, 40), ("west", 9.0, 19))
    look(NOW)
    assert dict(AlertState.objects.values_list("label", "status")) == {"north": "firing", "south": "ok", "west": "ok"}
    assert AlertState.objects.get(label="west").has_data is False
    AlertRule.objects.update(label="south", version=2)
    look(NOW + MINUTE)
    assert [(one.label, one.end_reason) for one in AlertIncident.objects.all()] == [
        ("north", "its label is not read any more")
    ]
    assert set(AlertState.objects.values_list("label", flat=True)) == {"south"}


def test_what_is_counted_is_nothing_once_it_is_not_read_any_more(tap):
    METRICS._entries["test.leaks"] = Metric("Leaks", "leaks", Unit.NUMBER, tap.read, absent=0.0)
    rule_of(min_n=0)
    tap.says(("north", 7.0, 7))
    look(NOW)
    tap.says(("south", 1.0, 1))
    look(NOW + MINUTE)
    assert AlertIncident.objects.get().ended_at == NOW + MINUTE


def test_a_metric_that_cannot_be_read_is_no_data_and_the_others_go_on(tap):
    rule = rule_of()
    tap.says(("", 7.0, 40))
    look(NOW)
    tap.readings = []
    with unit_of_work(COMMAND_LINE):
        Job.objects.create(kind="k", state="queued", created_at=NOW - HOUR)
    add_rule(
        fields={**RULE, "name": "Jobs", "metric": "jobs.oldest_waiting", "threshold": 60.0, "clear_threshold": 30.0,
                "min_n": 1},
        acting_user=COMMAND_LINE,
    )  # fmt: skip
    with clock.frozen(NOW + MINUTE):
        done = evaluate_alerts()
    assert done.failed == ("test.leaks",)
    rule.refresh_from_db()
    assert rule.last_error == "not read (OSError)"
    state = AlertState.objects.get(rule=rule)
    assert (state.status, state.has_data, state.value) == ("firing", False, 7.0)
    assert AlertIncident.objects.filter(ended_at=None).count() == 2
    assert ("team", "Alert (critical): Jobs") in told()


def test_a_silence_tells_nobody_until_it_ends(tap, admin):
    rule = rule_of(channel="team")
    tap.says(("", 7.0, 40))
    silence_rule(rule_id=rule.pk, until=NOW + HOUR, reason="pipes are changed", acting_user=admin)
    look(NOW)
    assert told() == [] and AlertIncident.objects.get().ended_at is None
    look(NOW + 59 * MINUTE)
    assert told() == []
    look(NOW + HOUR)
    assert told() == [("team", "Alert (critical): Leaks")]
    silence_rule(rule_id=rule.pk, until=NOW + HOUR, reason="again", acting_user=admin)
    end_silence(rule_id=rule.pk, acting_user=admin)
    with pytest.raises(WrongState):
        end_silence(rule_id=rule.pk, acting_user=admin)
    actions = AuditEvent.objects.filter(action__startswith="telemetry.alert_rule").order_by("id")
    assert [one.action.rpartition(".")[2] for one in actions] == ["added", "silenced", "silenced", "unsilenced"]


def test_who_acknowledges_is_not_reminded_but_hears_the_end(tap, admin):
    rule_of(remind_minutes=1, channel="oncall")
    tap.says(("", 7.0, 40))
    look(NOW)
    incident = AlertIncident.objects.get()
    acknowledge_alert(incident_id=incident.pk, acting_user=admin)
    with pytest.raises(WrongState):
        acknowledge_alert(incident_id=incident.pk, acting_user=admin)
    look(NOW + HOUR)
    tap.says(("", 1.0, 40))
    look(NOW + 2 * HOUR)
    assert told() == [("oncall", "Alert (critical): Leaks"), ("oncall", "Over: Leaks")]
    incident.refresh_from_db()
    assert incident.acknowledged_by_id == admin.pk
    with pytest.raises(WrongState):
        acknowledge_alert(incident_id=incident.pk, acting_user=admin)


def test_a_rule_that_is_switched_off_ends_what_fires_and_tells_nobody(tap, admin):
    rule = rule_of()
    tap.says(("", 7.0, 40))
    look(NOW)
    change_rule(rule_id=rule.pk, fields={"enabled": False}, expected=1, acting_user=admin)
    look(NOW + MINUTE)
    assert AlertIncident.objects.get().end_reason == SWITCHED_OFF
    assert not AlertState.objects.exists() and len(told()) == 2


def test_two_evaluations_of_a_minute_are_one(tap):
    rule_of()
    tap.says(("", 7.0, 40))
    look(NOW)
    look(NOW)
    assert len(told()) == 2
    assert len(AlertState.objects.get().recent_json) == 1


def test_what_no_sink_takes_is_handed_on_later_once(tap, monkeypatch):
    rule_of(channel="team")
    tap.says(("", 7.0, 40))

    def broken(alert: Any) -> None:
        raise OSError("no sink")

    with monkeypatch.context() as patch:
        patch.setitem(SINKS._entries, "stakeholders", broken)
        look(NOW)
    assert told() == [] and AlertNotice.objects.get().handed_at is None
    assert [hand_over_notices(), hand_over_notices()] == [1, 0]
    AlertNotice.objects.update(handed_at=None)  # killed after the sink had it
    hand_over_notices()
    assert told() == [("team", "Alert (critical): Leaks")]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [({"metric": "test.nothing"}, "#/metric"), ({"clear_threshold": 6.0}, "#/clear_threshold"),
     ({"threshold": float("nan")}, "#/clear_threshold"), ({"window_minutes": 0}, "#/window_minutes"),
     ({"channel": "pigeons"}, "#/channel"), ({"comparison": "near"}, "#/comparison"), ({"name": ""}, "#/name"),
     ({"min_n": -1}, "#/min_n")],
)  # fmt: skip
def test_a_rule_that_cannot_be_judged_is_refused(tap, changes, pointer):
    with pytest.raises(InvalidInput) as refused:
        rule_of(**changes)
    assert pointer in {error["pointer"] for error in refused.value.errors}
    assert not AlertRule.objects.exists()


def test_a_change_is_audited_and_the_second_of_two_gets_a_conflict(tap, admin):
    rule = rule_of()
    change_rule(rule_id=rule.pk, fields={"threshold": 8.0}, expected=1, acting_user=admin)
    with pytest.raises(StaleVersion):
        change_rule(rule_id=rule.pk, fields={"threshold": 9.0}, expected=1, acting_user=admin)
    event = AuditEvent.objects.get(action="telemetry.alert_rule.changed")
    assert (event.actor_id, event.metadata_json["changes"]) == (admin.pk, {"threshold": [5.0, 8.0]})


@pytest.mark.parametrize("role", ["coach", "athlete", "support", "data_scientist", "compliance"])
def test_only_who_operates_telemetry_does_any_of_it(tap, role):
    user, rule = make_user(role), rule_of()
    for act in (
        lambda: add_rule(fields=RULE, acting_user=user),
        lambda: change_rule(rule_id=rule.pk, fields={}, expected=1, acting_user=user),
        lambda: silence_rule(rule_id=rule.pk, until=NOW + HOUR, reason="r", acting_user=user),
        lambda: end_silence(rule_id=rule.pk, acting_user=user),
        lambda: acknowledge_alert(incident_id=uuid7(), acting_user=user),
        lambda: try_channel(group="team", acting_user=user),
    ):
        with pytest.raises(NotPermitted):
            act()


def test_impossible_silences_and_unknown_things_are_refused(tap, admin):
    rule = rule_of()
    for until, reason in ((NOW, "r"), (NOW + timedelta(days=31), "r"), (NOW + HOUR, " ")):
        with pytest.raises(InvalidInput):
            silence_rule(rule_id=rule.pk, until=until, reason=reason, acting_user=admin)
    with pytest.raises(InvalidInput):
        try_channel(group="pigeons", acting_user=admin)
    with pytest.raises(NotVisible):
        acknowledge_alert(incident_id=UUID(int=1), acting_user=admin)


def test_a_channel_is_tried_through_the_same_outbox(tap, admin):
    try_channel(group="stakeholders", acting_user=admin)
    hand_over_notices()
    assert told() == [("stakeholders", "Test: alerts reach this group")]
    assert RolloutMessage.objects.get(kind="alert_test").state == "pending"


def test_the_rules_that_ship_name_metrics_that_exist_and_the_rows_they_are_for():
    rules = {rule.name: rule for rule in AlertRule.objects.all()}
    assert {rule.metric for rule in rules.values()} <= set(METRICS)
    assert METRICS.missing() == frozenset()
    named = {
        row: {name for name, rule in rules.items() if rule.description.startswith(f"{row}:")} for row in ("D5", "I8")
    }
    assert named == {
        "D5": {"Adherence drops"},
        "I8": {
            "Error rate", "Error rate of a pipeline", "Flag service down", "Flag snapshots stale",
            "Unauthorised change of a flag", "High rollback frequency", "High rollback frequency of all flags",
        },
    }  # fmt: skip
    drop, errors = rules["Adherence drops"], rules["Error rate"]
    assert (drop.comparison, drop.threshold, errors.comparison, errors.threshold) == ("above", 10.0, "above", 5.0)


def test_on_an_empty_installation_every_rule_is_judged_and_none_fires():
    done = evaluate_alerts()
    assert done.failed == () and done.firing == 0 and done.rules == AlertRule.objects.count() > 10


def test_the_error_rate_of_requests_fires_above_5_percent_of_enough_requests():
    with clock.frozen(NOW):
        for status, count in (("2xx", 94), ("5xx", 6)):
            RequestRollup.objects.create(
                minute=NOW - MINUTE, route="r", method="GET", status_class=status, count=count, total_ms=50.0 * count,
                latency={"50": count},
            )  # fmt: skip
        look(NOW)
    assert AlertIncident.objects.get().rule.name == "Error rate"
    assert AlertIncident.objects.get().value == pytest.approx(6.0)
    assert told()[0] == ("oncall", "Alert (critical): Error rate")
