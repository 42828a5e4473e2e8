"""Results of experiments in a real browser: each state renders at two sizes, and is told without colour or sight."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pages.reviewing import Visit, pictures
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser, pytest.mark.heavy]
ADMIN = "admin@demo.mesocycle.example"
BEGINS = {"inconclusive": "Inconclusive:", "stopped": "Stopped:", "hidden": "Hidden:", "three": "Better: c."}
"""The others are told apart by `tests/experiments/report`."""

PLACE = f"""
from tests.experiments.report.placing import experiment, place_all
import json
place_all(*{[*BEGINS, "new"]})
print(json.dumps({{key: str(experiment(key).pk) for key in {[*BEGINS, "new"]}}}))
"""


@pytest.fixture(scope="module")
def placed(server: Server, demo: dict[str, Any]) -> dict[str, str]:
    """Each story's page."""
    found = json.loads(server.manage("shell", "--no-imports", "-c", PLACE).stdout.splitlines()[-1])
    return {key: f"{server.url}/admin/experiments/experiment/{pk}/results/" for key, pk in found.items()}


def test_each_state_says_what_it_is_at_both_sizes(visit: Visit, placed: dict[str, str]) -> None:
    page, wrong = visit(ADMIN)
    for key, begin in BEGINS.items():
        page.goto(placed[key])
        assert page.inner_text(".ro-facts + .ro-note b").startswith(begin), key
        pictures(page, f"experiment-{key}")
    page.goto(placed["new"])
    assert "No look yet" in page.inner_text(".ro-empty")
    pictures(page, "experiment-new")
    assert wrong == []
