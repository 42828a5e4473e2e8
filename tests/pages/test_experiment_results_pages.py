"""Results of experiments in a real browser: each state renders at two sizes, and is told without colour or sight."""

from __future__ import annotations

from typing import Any

import pytest

from tests.experiments.report.placing import STORIES
from tests.pages.reviewing import Visit, pictures
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
ADMIN = "admin@demo.mesocycle.example"
PLACE = "from tests.experiments.report.placing import place_all; place_all()"
ADDRESSES = """
from tests.experiments.report.placing import STORIES, experiment
import json
print(json.dumps({key: str(experiment(key).pk) for key in [*STORIES, "draft"]}))
"""


@pytest.fixture(scope="module")
def placed(server: Server, demo: dict[str, Any]) -> dict[str, str]:
    """Each story's page."""
    import json

    server.manage("shell", "--no-imports", "-c", PLACE)
    found = json.loads(server.manage("shell", "--no-imports", "-c", ADDRESSES).stdout.splitlines()[-1])
    return {key: f"{server.url}/admin/experiments/experiment/{pk}/results/" for key, pk in found.items()}


def test_each_state_says_what_it_is_at_both_sizes(visit: Visit, placed: dict[str, str]) -> None:
    page, wrong = visit(ADMIN)
    begins = {
        "inconclusive": "Inconclusive:",
        "better": "Better:",
        "stopped": "Stopped:",
        "hidden": "Hidden:",
        "early": "Too early:",
        "few-coaches": "Not identified:",
        "three": "Better: c.",
    }
    assert begins.keys() == STORIES.keys() - {"new"}
    for key, begin in begins.items():
        page.goto(placed[key])
        assert page.inner_text(".ro-facts + .ro-note b").startswith(begin), key
        pictures(page, f"experiment-{key}")
    for key, says in (("new", "No look yet"), ("draft", "Not started yet")):
        page.goto(placed[key])
        assert says in page.inner_text(".ro-empty")
        pictures(page, f"experiment-{key}")
    assert wrong == []
