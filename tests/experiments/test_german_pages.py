"""The experiments' pages in German hold no English, in every state of an experiment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from common import clock
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment
from experiments.ready import READY
from experiments.services.running import create_experiment, step
from tests.common.alike import alike, texts
from tests.experiments.protocols import protocol
from tests.experiments.report.placing import STORIES, place
from tests.experiments.test_assigning import agreeing
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
NOW = datetime(2026, 5, 1, 15, tzinfo=UTC)
LIST = "/admin/experiments/experiment/"
SAME = (
    r"(?:Shorter tapers|Drafted).*|(?:[ab]|auto|advanced|simplified|choice)(?: \d+)?(?: ·.*)?|Which model plans.*"
    r"|for the test|first|bare|groups|other|taper|inconclusive|stopped|hidden|new|made|platform|.* : .*"
    r"|[a-z_]+ \(.*|[0-9a-f]{8,}…?|Name|Status|Sport|Alpha|Hypothese|Experiment|Phase.*|Start|Stratum|Strata"
    r"|System|Elite|Premium|Lift.*|Filter|Alarm|Balance|in \d+ [dh]|\d+ in [ab]|ln e|Adj. p"
)
"""Names and keys that people gave, and words that German has too."""


@pytest.fixture(autouse=True)
def at_noon():
    with clock.frozen(NOW):
        yield


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(make_user("data_scientist", name="Ada"))
    return client


def drafted(key: str, **fields: object) -> Experiment:
    fields = {"name": f"Drafted {key}", "variant_weights": {"a": 50, "b": 50}, "protocol": protocol(), **fields}
    return create_experiment(key=key, fields=fields, reason="made", acting_user=COMMAND_LINE)


@pytest.mark.parametrize("key", ["inconclusive", "stopped", "hidden", "new"])
def test_results_hold_no_english(ada, key):
    story = STORIES[key]
    pk = place(key, now=NOW, **story, **({"coaches": 4} if story["days"] else {})).pk
    assert alike(ada, [LIST, f"{LIST}{pk}/results/", f"{LIST}{pk}/edit/"], SAME) == {}


def test_drafts_and_their_previews_hold_no_english(ada):
    for _ in range(24):
        agreeing()
    first = drafted("first", stratification_keys=["sport"], end_at=(NOW + timedelta(days=5)).isoformat())
    bare = drafted("bare", protocol={})
    ready = READY.get("test-groups").document
    group = create_experiment(key="groups", fields=ready, reason="made", acting_user=COMMAND_LINE)
    other = drafted("other")
    step(key="other", command=Command.START, reason="made", expected=None, acting_user=COMMAND_LINE)
    parts = [f"{LIST}{one.pk}/{part}/" for one in (first, bare, group) for part in ("preview", "edit", "results")]
    found = alike(ada, [LIST, f"{LIST}add/", f"{LIST}add/?ready=test-groups", f"{LIST}{other.pk}/edit/", *parts], SAME)
    assert found == {}


def test_mistakes_and_answers_are_told_in_german(ada):
    ada.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    typed = {
        "form": "draft",
        "name": "",
        "key": "X y",
        "variant-0": "a",
        "weight-0": "60",
        "planned": "two",
        "reason": "",
    }
    said = texts(ada.post(f"{LIST}add/", typed).content.decode())
    assert any(text.startswith("Gefunden: 'two', erlaubt: eine ganze Zahl von 4 bis") for text in said)
    draft = drafted("first")
    sent = {"command": "start", "expected": draft.version, "reason": "reviewed"}
    answer = ada.post(f"{LIST}{draft.pk}/command/", sent, follow=True).content.decode()
    assert "Gestartet: Ab jetzt wird zugewiesen." in answer
    sure = texts(
        ada.post(f"{LIST}{draft.pk}/command/", {**sent, "command": "complete", "expected": 2}).content.decode()
    )
    assert {"Niemand behält eine Variante.", "Endgültig abschließen", "Drafted first abschließen?"} <= sure
