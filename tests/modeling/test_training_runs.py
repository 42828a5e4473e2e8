"""A run's record: one at once, alive or closed, and a candidate only where the gate passed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from audit.models import AuditEvent
from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.retention import apply_retention
from modeling.learned.algorithm import DamagedDocument, read_algorithm
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun
from modeling.services.training_runs import LEASE, begin_run, end_run, finish_run, report_step
from modeling.versions import checked
from tests.factories import make_user
from tests.modeling.registry import begun, document, trained, version

pytestmark = pytest.mark.django_db


def test_a_pass_makes_a_candidate_with_its_document_hash_and_events():
    run = begun()
    finished = finish_run(run_id=run.pk, trained=trained("x"), acting_user=COMMAND_LINE)
    found = finished.version
    assert (found.name, found.status) == (f"{clock.today()}.1", "candidate")
    assert checked(found) == read_algorithm(found.name, document("x"))
    assert (finished.run.status, finished.run.data_sha256) == ("passed", "d" * 64)
    assert finished.run.metrics_json[0]["group"] == "everybody"
    assert version("y").name == f"{clock.today()}.2"
    with unit_of_work(COMMAND_LINE, read_only=True):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        state = AuditEvent.objects.filter(action="model.state", target_id=found.pk).get()
    assert {"model.train", "model.trained", "model.candidate", "model.state"} <= actions
    assert state.metadata_json["status"] == "candidate"


def test_a_refusal_a_dry_run_and_the_same_document_make_no_version():
    refused = finish_run(run_id=begun().pk, trained=trained(refused="Worse for beginners."), acting_user=COMMAND_LINE)
    assert (refused.run.status, refused.run.message, refused.version) == ("refused", "Worse for beginners.", None)
    dry = finish_run(run_id=begun(dry_run=True).pk, trained=trained(), acting_user=COMMAND_LINE)
    assert (dry.run.status, dry.version) == ("passed", None)
    first = version("same")
    again = finish_run(run_id=begun().pk, trained=trained("same"), acting_user=COMMAND_LINE)
    assert again.version is None
    assert first.name in again.run.message
    assert AlgorithmVersion.objects.count() == 1


def test_one_run_at_once_and_a_silent_one_is_closed_as_failed():
    run = begun()
    report_step(run_id=run.pk, step="evaluate", acting_user=COMMAND_LINE)
    with pytest.raises(WrongState, match="one at once"):
        begun()
    with clock.frozen(clock.now() + LEASE + timedelta(seconds=1)):
        other = begun()
        run.refresh_from_db()
        assert (run.status, run.step) == ("failed", "evaluate")
        assert "stopped in the step evaluate" in run.message
        with pytest.raises(WrongState, match="ended already"):
            finish_run(run_id=run.pk, trained=trained(), acting_user=COMMAND_LINE)
        assert AlgorithmVersion.objects.count() == 0
        end_run(run_id=other.pk, status=RunStatus.NOTHING, message="No test yet.", acting_user=COMMAND_LINE)
        again = end_run(run_id=other.pk, status=RunStatus.FAILED, message="later", acting_user=COMMAND_LINE)
        assert (again.status, again.message) == ("nothing", "No test yet.")


def test_what_cannot_be_read_is_no_candidate_and_the_run_goes_on():
    run = begun()
    bad = trained(format=2)
    with pytest.raises(DamagedDocument, match="format"):
        finish_run(run_id=run.pk, trained=bad, acting_user=COMMAND_LINE)
    run.refresh_from_db()
    assert (run.status, AlgorithmVersion.objects.count()) == ("running", 0)


@pytest.mark.parametrize("role", ["coach", "athlete", "support", "compliance"])
def test_who_may_not_manage_models_begins_nothing(role):
    with pytest.raises(NotPermitted):
        begun(make_user(role))
    assert TrainingRun.objects.count() == 0


def test_the_future_is_no_moment_to_learn_from():
    with pytest.raises(InvalidInput) as caught:
        begin_run(as_of=clock.now() + timedelta(days=1), trigger="person", acting_user=make_user("data_scientist"))
    assert caught.value.pointer == "/as_of"


def test_old_runs_go_but_those_that_made_a_version_stay():
    made = version("kept").run
    nothing = end_run(run_id=begun().pk, status=RunStatus.NOTHING, message="one athlete", acting_user=COMMAND_LINE)
    years = timedelta(days=settings.RETENTION["training_runs"], hours=1)
    with clock.frozen(clock.now() + years):
        young = end_run(run_id=begun().pk, status=RunStatus.FAILED, message="no room", acting_user=COMMAND_LINE)
        going = begun()
        apply_retention(dry_run=False)
    assert nothing.status == "nothing"
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert set(TrainingRun.objects.values_list("pk", flat=True)) == {made.pk, young.pk, going.pk}
