"""The page of alerts and the command: what fires first, what is done about it, and what became of what was told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.monitoring import METRICS, Metric, Reading, Unit
from rollout.models import RolloutMessage
from rollout.services import messages
from telemetry.models import AlertIncident, AlertNotice, AlertRule
from telemetry.pages.listing import spark
from telemetry.services.alert_rules import FIELDS, add_rule
from telemetry.services.alerts import evaluate_alerts
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PAGE = "/admin/telemetry/alertincident/"
RULE: dict[str, Any] = {
    "name": "Leaks", "metric": "test.leaks", "comparison": "above", "threshold": 5.0, "clear_threshold": 3.0,
    "window_minutes": 10, "severity": "critical", "channel": "team", "description": "", "label": "",
    "lasting_seconds": 0, "min_n": 1, "remind_minutes": 240, "enabled": True,
}  # fmt: skip


@pytest.fixture
def value(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the only metric that a rule watches says."""
    found = [7.0]
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS.items()))
    read = lambda since, until: [Reading("north", found[0], 40, "the old pipe")]  # noqa: E731
    METRICS.register("test.leaks", Metric("Leaks", "leaks", Unit.PERCENT, read))
    with unit_of_work(COMMAND_LINE):
        AlertRule.objects.all().delete()
    return found


@pytest.fixture
def rule(value: list[float]) -> AlertRule:
    made = add_rule(fields=RULE, acting_user=COMMAND_LINE)
    evaluate_alerts()
    return made


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user("admin", name="Ada Ops"))
    return client


def text_of(client: Client, address: str = PAGE) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def said(answer: Any) -> str:
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))


def test_without_rules_the_page_says_what_to_do(value, admin):
    text = text_of(admin)
    assert "Nothing fires" in text and "No rule has been written" in text and "Write the first one" in text
    assert "none: set <code>NOTIFY_URLS_ONCALL</code>" in text


def test_rules_that_nobody_judges_are_said_to_be_old(value, admin):
    add_rule(fields=RULE, acting_user=COMMAND_LINE)
    text = text_of(admin)
    assert "The rules are not judged" in text and "Nothing fires" not in text and "Nothing is known to fire" in text
    evaluate_alerts()
    assert "The rules are not judged" not in text_of(admin)
    AlertRule.objects.update(evaluated_at=clock.now() - timedelta(minutes=6))
    assert "The rules are not judged" in text_of(admin)


def test_what_fires_comes_first_with_value_limit_and_what_became_of_the_message(rule, admin, settings, monkeypatch):
    text = text_of(admin)
    assert text.index("Firing now") < text.index("Leaks") < text.index("Lately") < text.index(">Rules<")
    for part in ("1 firing", "north", "the old pipe", "7.0 %", "above 5.0 %", "Being sent", "Acknowledge"):
        assert part in text, part

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise messages.NotDelivered("slack: 500 from the server")

    settings.NOTIFY_URLS = {**settings.NOTIFY_URLS, "team": ["slack://a/b/c"]}
    monkeypatch.setattr(messages, "deliver", refuse)
    messages.deliver_due(clock.now())
    assert "Tried again" in text_of(admin)
    alert = text_of(admin, f"{PAGE}{AlertIncident.objects.get().pk}/change/")
    assert "slack: 500 from the server" in alert and "1 attempt, next" in alert
    for _ in range(9):
        RolloutMessage.objects.filter(state="failed").update(next_try_at=clock.now())
        messages.deliver_due(clock.now())
    assert "Not delivered" in text_of(admin)


def test_acknowledging_and_silencing_by_the_buttons(rule, admin):
    pk = AlertIncident.objects.get().pk
    assert "Acknowledged" in said(admin.post(f"{PAGE}{pk}/acknowledge/"))
    assert "Somebody has acknowledged it already" in said(admin.post(f"{PAGE}{pk}/acknowledge/"))
    assert "Ada Ops" in text_of(admin)
    silence = f"{PAGE}rule/{rule.pk}/silence/"
    assert "Say why" in said(admin.post(silence, {"hours": "4", "reason": ""}))
    for hours in ("", "-1", "x", "٤", "9" * 40):
        assert "Not done" in said(admin.post(silence, {"hours": hours, "reason": "pipes"}))
    assert "Silenced until" in said(admin.post(silence, {"hours": "4", "reason": "<b>pipes</b>"}))
    text = text_of(admin)
    assert "&lt;b&gt;pipes&lt;/b&gt; (Ada Ops)" in text and "End the silence" in text
    assert "tells again" in said(admin.post(f"{PAGE}rule/{rule.pk}/unsilence/"))
    assert admin.post(f"{PAGE}rule/{pk}/silence/", {"hours": "4", "reason": "x"}).status_code == 404


def test_a_channel_is_tried_and_shown(value, admin):
    assert "There is no such group" in said(admin.post(f"{PAGE}channel/", {"group": "pigeons"}))
    assert "on its way" in said(admin.post(f"{PAGE}channel/", {"group": "oncall"}))
    assert AlertNotice.objects.get().handed_at is not None
    messages.deliver_due(clock.now())
    text = text_of(admin)
    assert "NOTIFY_URLS_ONCALL names no address" in text and "Not delivered" in text


def test_what_is_over_stays_with_what_was_told(rule, value, admin):
    value[0] = 1.0
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        evaluate_alerts()
        text = text_of(admin)
    assert "Nothing fires" in text and "No alert has ended" not in text
    lately = text[text.index("Lately") :]
    assert "7.0 %" in lately and "raised" in lately and "over" in lately


def form(rule: AlertRule, **changes: Any) -> dict[str, Any]:
    fields = {name: getattr(rule, name) for name in FIELDS} | {"expected": rule.version, "enabled": "on"} | changes
    return {name: value for name, value in fields.items() if value is not None}


def test_a_rule_is_changed_by_its_form_and_the_second_of_two_is_told(rule, admin):
    address = reverse("admin:telemetry_alertrule_change", args=[rule.pk])
    assert 'name="threshold"' in text_of(admin, address)
    answer = admin.post(address, form(rule, threshold="8"))
    assert answer.status_code == 302 and answer.headers["Location"] == PAGE
    answer = admin.post(address, form(rule, threshold="9"))
    assert "version 2 now" in said(answer)
    answer = admin.post(address, form(rule, clear_threshold="11", expected=2))
    assert (
        "good side" in said(answer)
        or "good side" in answer.content.decode()
        or "constraint" in answer.content.decode().lower()
    )
    rule.refresh_from_db()
    assert (rule.threshold, rule.clear_threshold, rule.version) == (8.0, 3.0, 2)


def test_a_rule_is_written_by_the_form(value, admin):
    answer = admin.post(reverse("admin:telemetry_alertrule_add"), form(AlertRule(**RULE), name="Drips"))
    assert answer.status_code == 302, answer.content
    assert AlertRule.objects.get().name == "Drips"


def run(*args: str, capsys: Any) -> tuple[int, Any]:
    code = 0
    try:
        call_command("alerts", *args, "--json")
    except CommandError as error:
        code = error.returncode
    out = capsys.readouterr().out
    return code, json.loads(out) if out.strip() else None


def test_the_command_lists_acknowledges_silences_and_tells_by_its_code(rule, capsys):
    code, told = run("list", capsys=capsys)
    assert code == 6
    assert [(one["rule"], one["label"], one["value"]) for one in told["firing"]] == [("Leaks", "north", "7.0 %")]
    assert run("ack", "leaks", capsys=capsys)[0] == 0
    assert run("list", capsys=capsys)[0] == 0
    assert run("ack", "leaks", capsys=capsys)[0] == 2
    assert run("ack", told["firing"][0]["id"], capsys=capsys)[0] == 4
    assert run("silence", "Leaks", capsys=capsys)[0] == 2  # no reason
    assert run("silence", "Leaks", "--hours", "2", "--reason", "pipes", capsys=capsys)[0] == 0
    assert run("silence", "Leaks", "--hours", "0", capsys=capsys)[0] == 0
    assert run("silence", "nothing", "--reason", "x", capsys=capsys)[0] == 2
    assert run("test", "team", capsys=capsys) == (0, {"group": "team", "handed_over": 1})
    user = make_user("coach")
    assert run("list", "--as", user.email, capsys=capsys)[0] == 3
    call_command("alerts", "check")
    assert "Leaks" in capsys.readouterr().out


@pytest.mark.pure
def test_the_curve_breaks_where_there_was_no_data():
    assert spark([]) == spark([[1, 5.0]]) == ""
    assert spark([[1, 0.0], [2, 10.0], [3, None], [4, 5.0]]) == "M0.0 95.0L33.3 5.0M100.0 50.0"
    assert spark([[1, 2.0], [2, 2.0]]) == "M0.0 50.0L100.0 50.0"
