"""The pages of models in German hold no English, whatever became of a run."""

from __future__ import annotations

from typing import Final

import pytest
from django.test import Client

from common.context import COMMAND_LINE
from modeling.models import TrainingRun
from modeling.services.training_runs import end_run, finish_run
from modeling.services.versions import promote_version
from modeling.training.gate import Facts, judge
from modeling.words import CHECKS
from tests.common.alike import alike, texts
from tests.factories import make_user
from tests.modeling.registry import begun, trained, version

pytestmark = [pytest.mark.django_db, pytest.mark.once]
LIST: Final = "/admin/modeling/algorithmversion/"
SAME: Final = (
    r"Version|Code|Status|Experiment|Champion|Ada|.*: HTTP 503\.|[0-9a-f]{64}|\d{8}T?\d*-[\w.-]+|[\w-]+\.\d+"
    r"|Frozen data|The data are as they were\.|It is\."
)


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(make_user("data_scientist", name="Ada"))
    return client


def test_models_hold_no_english(ada: Client) -> None:
    assert alike(ada, [LIST], SAME) == {}
    refused = trained("r", refused="Nothing is better than the champion beyond chance: not proposed.")
    finish_run(run_id=begun().pk, trained=refused, acting_user=COMMAND_LINE)
    end_run(run_id=begun().pk, status="failed", message="ConnectionError: HTTP 503.", acting_user=COMMAND_LINE)
    little = (
        "10 athletes with 3 tests or more, and 0 sessions that a coach looked at, are too little for any part of a "
        "model. Priors want about 40 such athletes of a sport; what coaches change and athletes complete want 300 "
        "sessions of plans that coaches submitted."
    )
    end_run(run_id=begun(trigger="person").pk, status="nothing", message=little, acting_user=COMMAND_LINE)
    finish_run(run_id=begun(dry_run=True).pk, trained=trained("d"), acting_user=COMMAND_LINE)
    made = version("a")
    runs = [f"{LIST}runs/{pk}/" for pk in TrainingRun.objects.values_list("pk", flat=True)]
    assert len(runs) == 5
    assert alike(ada, [LIST, *runs], SAME) == {}
    german = texts(ada.get(f"{LIST}runs/{made.run_id}/", HTTP_ACCEPT_LANGUAGE="de").content.decode())
    assert {"Vorannahmen: Fehler beim nächsten Test (%) · weniger ist besser", "120 (40 Athleten)"} <= german
    promote_version(name=made.name, reason="why", expected="1", without_experiment=True, acting_user=COMMAND_LINE)
    begun()
    assert alike(ada, [LIST, f"{LIST}runs/{made.run_id}/"], SAME) == {}


def test_every_check_of_the_gate_has_a_name_to_translate() -> None:
    nothing = Facts("", None, (), frozenset(), None, frozenset(), None)
    assert tuple(check.name for check in judge(nothing, ()).checks) == CHECKS
