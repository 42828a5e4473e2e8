"""The pages of metrics, targets, alerts and the service in German hold no English."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from common import clock
from common.models import ProcessSample, RequestRollup
from telemetry.models import AlertIncident, AlertRule
from telemetry.services.alerts import evaluate_alerts
from tests.common.alike import alike, texts
from tests.factories import make_user
from tests.telemetry.marts import AS_OF, looked_at, publish

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NOW = AS_OF + timedelta(hours=1)
ALERTS, RULES = "/admin/telemetry/alertincident/", "/admin/telemetry/alertrule/"
METRICS = (
    "/admin/metrics/",
    "/admin/metrics/targets/",
    "/admin/metrics/accuracy/",
    "/admin/metrics/?span=4&by=pipeline",
)
SAME = (
    r"OK|v1:.*|Coach .*|[\w.-]+@.*|Team|Status|Name|Test|Marathon|[\w-]+:[\w-]+|api:.*|/.*|app-.*|Route|Cache|Alarm"
    r"|engine.*|[Aa]dvanced|[Ss]implified|[Cc]ontrol|Pipelines?|flags|keys|GET .*|POST .*|Version"
    r"|Slack.*|NOTIFY.*|Worker"
)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Iterator[Path]:
    settings.WAREHOUSE_DIR = str(tmp_path)
    with clock.frozen(NOW):
        yield tmp_path


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(make_user("admin", name="Ada Ops"))
    return client


def used() -> None:
    ProcessSample.objects.bulk_create(
        ProcessSample(at=NOW - timedelta(minutes=back), process=f"app-{n}:71", role="worker" if n else "web",
                      memory_bytes=(180 + back) * 2**20, cpu_percent=12 + back, caches_json={"flags": [90, 4]})
        for back in range(1, 40, 3) for n in range(2)
    )  # fmt: skip
    latency = {"100": 40, "500": 60}
    asked = {"route": "/api/v1/plans/", "method": "GET", "status_class": "5xx", "count": 100, "latency": latency}
    RequestRollup.objects.create(minute=NOW - timedelta(minutes=5), total_ms=9000, **asked)


@pytest.mark.parametrize("role", ["data_scientist", "coach"])
def test_metrics_hold_no_english(role, root):
    client = Client()
    client.force_login(make_user(role))
    assert alike(client, METRICS, SAME) == {}
    publish(root, looked_at(AS_OF, ["v1:9f3c5e17", "v1:17ab90cc"]), as_of=AS_OF)
    assert alike(client, METRICS, SAME) == {}


def test_the_service_holds_no_english(admin, root):
    assert alike(admin, ["/admin/service-health/"], SAME) == {}
    publish(root, looked_at(AS_OF, ["v1:9f3c5e17"]), as_of=AS_OF)
    used()
    assert alike(admin, ["/admin/service-health/"], SAME) == {}


def test_alerts_hold_no_english(admin):
    used()
    assert alike(admin, [ALERTS], SAME) == {}
    evaluate_alerts()
    rule = AlertRule.objects.get(name="Error rate")
    fired = [f"{ALERTS}{pk}/change/" for pk in AlertIncident.objects.values_list("pk", flat=True)]
    assert fired
    assert alike(admin, [ALERTS, *fired], SAME) == {}
    admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    said = admin.post(
        f"{ALERTS}rule/{rule.pk}/silence/", {"hours": "4", "reason": "paused"}, follow=True
    ).content.decode()
    assert "Stumm bis" in said
    assert any(text.endswith((": paused (Ada Ops)", ": paused")) for text in texts(said))


def test_a_rule_that_a_person_wrote_keeps_its_words(admin):
    AlertRule.objects.filter(name="Error rate").update(name="Metrics", description="Alerts")
    german = texts(admin.get(ALERTS, HTTP_ACCEPT_LANGUAGE="de").content.decode())
    assert {"Metrics", "Alerts", "Fehlerrate einer Pipeline"} <= german
