"""The copy in MLflow: its own store on SQLite, a dead address, and that alias and champion move both or not at all."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest
from django.db import OperationalError

from common.context import COMMAND_LINE, ContextMismatch, unit_of_work
from modeling import tracking
from modeling.learned.algorithm import SHIPPED
from modeling.services import versions as services
from modeling.services.versions import promote_version, roll_back_version
from modeling.tracking import TrackingDown
from modeling.versions import champion_name
from tests.factories import make_user
from tests.modeling.registry import version

pytestmark = [pytest.mark.django_db, pytest.mark.once]
DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """An empty store to copy: MLflow takes seconds to make its tables."""
    os.environ.update(tracking._QUIET)
    made = importlib.import_module("mlflow").MlflowClient
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    made(tracking_uri=f"sqlite:///{file}", registry_uri=f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow(settings, tmp_path, empty_store):
    """A store in a file of this test alone; returns a client of its own."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    settings.MLFLOW_TRACKING_URI = f"sqlite:///{tmp_path / 'mlflow.db'}"
    settings.MLFLOW_ARTIFACTS = (tmp_path / "files").as_uri()
    with tracking._client() as client:
        yield client


def promote(name, expected=SHIPPED):
    return promote_version(
        name=name, reason="better", expected=expected, without_experiment=True, acting_user=make_user("admin")
    )


def test_a_run_and_its_candidate_are_there_once_with_figures_gate_and_document(mlflow):
    found = version()
    for _ in range(2):
        tracking.log_run(found.run, found)
    [run] = mlflow.search_runs([mlflow.get_experiment_by_name("mesocycle").experiment_id])
    assert run.data.metrics["priors.next-test error.everybody.candidate"] == 2.1
    assert run.data.metrics["rows.sessions"] == 1200
    assert run.data.params["folds"] == "5"
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert json.loads((folder / "gate.json").read_text())["passed"] is True
    assert (folder / "model" / "document.json").read_text() == found.document
    [row] = mlflow.search_model_versions("name = 'mesocycle'")
    assert row.tags == {"version": found.name, "sha256": found.sha256}
    assert tracking.aliases() == {"candidate": found.name}


def test_aliases_follow_promotion_and_rollback_also_of_versions_it_has_not_seen(mlflow):
    first, second = version("a"), version("b")
    promote(first.name)
    assert tracking.aliases()["champion"] == first.name
    promote(second.name, expected=first.name)
    assert tracking.aliases()["champion"] == second.name
    back = {"reason": "slow", "acting_user": make_user("admin")}
    roll_back_version(expected=second.name, **back)
    assert tracking.aliases()["champion"] == first.name
    roll_back_version(expected=first.name, **back)
    assert "champion" not in tracking.aliases()


def test_a_database_that_fails_after_the_alias_moved_gets_it_back(mlflow, monkeypatch):
    first, second = version("a"), version("b")
    promote(first.name)
    moved = []

    def fails_at_commit(*args, **kwargs):
        moved.append(tracking.aliases()["champion"])
        raise OperationalError("connection lost")

    monkeypatch.setattr(services, "Moved", fails_at_commit)  # the last thing before the commit
    with pytest.raises(OperationalError):
        promote(second.name, expected=first.name)
    assert moved == [second.name]
    assert (champion_name(), tracking.aliases()["champion"]) == (first.name, first.name)


def test_what_a_dead_process_left_behind_is_healed(mlflow):
    first, second = version("a"), version("b")
    promote(first.name)
    with tracking.moving_champion() as move:
        move(second)
    assert tracking.aliases()["champion"] == second.name
    first.refresh_from_db()
    tracking.align(first)
    assert tracking.aliases()["champion"] == first.name


def test_a_dead_server_stops_a_promotion_soon_and_says_so(settings):
    found = version()
    settings.MLFLOW_TRACKING_URI = "http://user:secret@127.0.0.1:9"
    started = time.monotonic()
    with pytest.raises(TrackingDown) as caught:
        promote(found.name)
    assert time.monotonic() - started < 30  # not MLflow's own minutes
    assert "nothing was changed" in caught.value.detail
    assert "secret" not in caught.value.detail
    assert champion_name() == SHIPPED
    settings.MLFLOW_TRACKING_URI = ""
    assert promote(found.name).champion == found.name
    settings.MLFLOW_TRACKING_URI = DEAD
    with pytest.raises(TrackingDown):
        roll_back_version(reason="slow", expected=found.name, acting_user=make_user("admin"))
    assert champion_name() == found.name


def test_the_champion_moves_in_a_unit_of_its_own():
    with unit_of_work(COMMAND_LINE), pytest.raises(ContextMismatch), tracking.moving_champion():
        pass
