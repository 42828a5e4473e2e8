"""The dashboards in a real browser, for who sees everybody and for a coach: drawn, narrow, and asking nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, nameless, picture, pictures
from tests.pages.test_pages import COACH
from tests.support.processes import Server
from tests.telemetry.marts import looked_at, publish

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
ADMIN = "admin@demo.mesocycle.example"
TOKENS = "from telemetry.tokens import person_token; from accounts.models import User; print(*(person_token(pk)"
COACHES = f"{TOKENS} for pk in User.objects.filter(role='coach').order_by('email').values_list('pk', flat=True)))"
SAMPLES = """
from datetime import timedelta
from common.models import ProcessSample
from django.utils import timezone
ProcessSample.objects.bulk_create(
    ProcessSample(at=timezone.now() - timedelta(minutes=back), process=f"app-{n}:71{n}", role="worker" if n else "web",
                  memory_bytes=(180 + 60 * n + (back * 7 + n) % 23) * 2**20, cpu_percent=12 + (back * 11 + n) % 31,
                  caches_json={"flags": [900 + back, 4 + back % 9], "keys": [80, 9]})
    for back in range(1, 170) if not 60 < back < 82 for n in range(3))
"""
DRAWN = (
    """canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value)"""
)


def test_the_dashboards_are_drawn_and_lead_to_their_tables(visit: Visit, server: Server) -> None:
    tokens = server.manage("shell", "--verbosity", "0", "-c", SAMPLES + COACHES).stdout.split()
    now = datetime.now(UTC)
    publish(
        Path(server.env["MESOCYCLE_VAR"]) / "warehouse",
        looked_at(now, [*tokens, "v1:9f3c5e17", "v1:17ab90cc"]),
        as_of=now,
    )
    page, wrong = visit(ADMIN)
    for name, address in (
        ("overview", "metrics/"),
        ("targets", "metrics/targets/"),
        ("accuracy", "metrics/accuracy/"),
        ("service", "service-health/"),
    ):
        page.goto(f"{server.url}/admin/{address}")
        page.wait_for_selector(".ro-bar h1")
        pictures(page, f"metrics-{name}")
        assert nameless(page) == [], name
    page.goto(f"{server.url}/admin/metrics/?span=4")
    assert page.wait_for_selector("canvas.chart").evaluate(DRAWN)
    page.click(".ro-chart summary")
    expect(page.locator(".ro-chart tbody tr")).to_have_count(4)
    page.click(".ro-bar summary")
    page.select_option("[name=arm]", "engine:control")
    page.click(".ro-bar button")
    page.wait_for_url("**arm=engine*")
    assert page.locator(".ro-chart thead th").all_text_contents()[1:] == ["Control"]
    with page.expect_download() as download:
        page.click("a:has-text('CSV of Weekly adherence')")
    assert download.value.suggested_filename == "mesocycle-overview-adherence.csv"
    assert wrong == []

    page, wrong = visit(COACH)
    page.goto(f"{server.url}/admin/metrics/")
    expect(page.locator(".mx-heat tbody tr")).to_have_count(1)
    picture(page, "metrics-coach-390", (390, 844))
    assert wrong == []
