"""The pages of models in a real browser: nothing learned yet, the list, a run, promotion and rollback."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.pages.reviewing import Visit, nameless, pictures
from tests.pages.test_preview_page import scientist
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
LEARN = """
from tests.modeling.registry import begun, trained, version
from modeling.services.training_runs import end_run, finish_run
from common.context import COMMAND_LINE as by
refused = trained("r", refused="Cyclists, beginner: the next-test error is worse by 0.4 to 1.2 % (margin 0.2 %).")
finish_run(run_id=begun().pk, trained=refused, acting_user=by)
message = "DamagedStore: sessions/month=2026-10/part.parquet is no Parquet file."
end_run(run_id=begun().pk, status="failed", message=message, acting_user=by)
version("a")
"""


def test_from_nothing_to_a_champion_and_back(visit: Visit, server: Server) -> None:
    page, wrong = scientist(visit)
    address = f"{server.url}/admin/modeling/algorithmversion/"
    page.goto(address)
    assert "manage.py retrain" in page.inner_text(".ro-empty")
    pictures(page, "models-empty")
    server.manage("shell", "-c", LEARN)
    page.goto(address)
    expect(page.locator(".ro-rows >> nth=1 >> tbody tr")).to_have_count(3)
    assert "Passed" in page.inner_text(".ro-rows >> nth=1")
    pictures(page, "models")
    page.click("a:has-text('.1')")
    assert "Candidate" in page.inner_text(".ro-bar")
    expect(page.locator("td.ro-forest [role=img]")).to_have_count(2)
    pictures(page, "models-run")
    assert nameless(page) == []

    def decide(button: str, *, skips: bool = False) -> None:
        page.click(f"summary:has-text('{button}')")
        page.fill("details[open] textarea", "The figures convince us.")
        if skips:
            page.check("details[open] [name=without_experiment]")
        page.click("details[open] button")

    decide("Promote")
    assert "Nothing has happened yet" in page.inner_text(".ro-bar")
    page.click("button:has-text('Promote')")
    assert "was not tried in an experiment yet" in page.inner_text("body")
    decide("Promote", skips=True)
    pictures(page, "models-sure")
    page.click("button:has-text('Promote')")
    assert "plans from the next generation on, in place of 1." in page.inner_text("body")
    assert "Champion" in page.inner_text(".ro-bar")
    page.goto(address)
    assert "Champion" in page.inner_text(".ro-rows >> nth=0")
    pictures(page, "models-champion")
    page.click("a:has-text('.1')")
    decide("Roll back")
    page.click("button:has-text('Roll back')")
    assert "Retired" in page.inner_text(".ro-bar")
    page.goto(address)
    page.click(".ro-rows >> nth=1 >> tbody tr:has-text('Refused') a")
    assert "Cyclists, beginner" in page.inner_text(".ro-act")
    pictures(page, "models-refused")
    assert wrong == []
