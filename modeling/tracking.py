"""The copy of runs and versions in MLflow, where `MLFLOW_TRACKING_URI` names one; plans are made from the database.

Each run with its parameters, figures, gate and document; a candidate is a model version with the document as its
artifact, and the aliases `candidate` and `champion` follow ours. MLflow is asked with short time-outs and few tries.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings

from common.context import ContextMismatch, in_unit_of_work
from common.errors import DomainError
from modeling.models import AlgorithmVersion, TrainingRun

logger = logging.getLogger("mesocycle.modeling")

MODEL: Final = "mesocycle"
CHAMPION: Final = "champion"
CANDIDATE: Final = "candidate"
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
}
"""MLflow's own settings; those that people set in the environment stay."""


class TrackingDown(DomainError):
    """MLflow, where models are registered besides the database, does not answer; nothing was changed. Start it, or
    switch it off by leaving `MLFLOW_TRACKING_URI` empty."""

    type_slug = "model-registry-down"
    title = "The model registry does not answer"
    status = 503


def is_on() -> bool:
    """Return whether MLflow is used."""
    return bool(settings.MLFLOW_TRACKING_URI)


def log_run(run: TrainingRun, version: AlgorithmVersion | None) -> str:
    """Write a run, and register the version that came of it as the candidate; return the run's address.

    Told twice it is written once: MLflow's run carries the id of ours.

    Raises:
        TrackingDown: MLflow does not answer.
    """
    with _client() as client:
        run_id = _run(client, run)
        if version is not None:
            number = _number(client, version) or _register(client, run_id, version)
            client.set_registered_model_alias(MODEL, CANDIDATE, number)
        return f"{settings.MLFLOW_TRACKING_URI}#runs/{run_id}"[:300]


def aliases() -> dict[str, str]:
    """Return which version names the aliases point at.

    Raises:
        TrackingDown: MLflow does not answer.
    """
    with _client() as client:
        return {alias: name for alias in (CANDIDATE, CHAMPION) if (name := _at(client, alias))}


def align(champion: AlgorithmVersion | None) -> None:
    """Point the champion's alias at ours: heals what a process that died between alias and commit left behind.

    Raises:
        TrackingDown: MLflow does not answer.
    """
    with _client() as client:
        _point(client, champion)


@contextmanager
def moving_champion() -> Iterator[Callable[[AlgorithmVersion | None], None]]:
    """Give what moves MLflow's alias; where the change around it fails, the alias is put back to where it was.

    Wrap it around the outermost unit of work, so that a commit that fails is seen here.

    Raises:
        TrackingDown: MLflow does not answer, so that the change is not made either.
        ContextMismatch: a unit of work is open already.
    """
    if in_unit_of_work():
        raise ContextMismatch("the champion moves in a unit of work of its own, so that MLflow and database agree")
    moved: list[str] = []

    def move(version: AlgorithmVersion | None) -> None:
        if is_on():
            with _client() as client:
                moved.append(_at(client, CHAMPION))
                _point(client, version)

    try:
        yield move
    except BaseException:
        if moved:
            _put_back(moved[0])
        raise


def _put_back(name: str) -> None:
    """Undo a move; where MLflow does not answer now, `align` does it in the night."""
    try:
        with _client() as client:
            _point(client, AlgorithmVersion.objects.filter(name=name).first() if name else None)
    except Exception:
        logger.exception("MLflow's champion was not put back", extra={"champion": name})


@contextmanager
def _client() -> Iterator[Any]:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    uri = settings.MLFLOW_TRACKING_URI
    try:
        mlflow = importlib.import_module("mlflow")
    except ImportError as error:
        raise TrackingDown("MLFLOW_TRACKING_URI is set, but the extra [mlflow] is not installed.") from error
    try:
        yield mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    except DomainError:
        raise
    except Exception as error:
        logger.warning("MLflow did not answer", exc_info=True)
        raise TrackingDown(f"MLflow at {_without_secret(uri)} does not answer; nothing was changed.") from error


def _without_secret(uri: str) -> str:
    """Return an address without the user and password that it may carry."""
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else uri


def _run(client: Any, run: TrainingRun) -> str:
    """Return the id of a run in MLflow, which is written where it is not there."""
    experiment = _experiment(client)
    known = client.search_runs([experiment], f"tags.mesocycle_run = '{run.pk}'", max_results=1)
    if known:
        return str(known[0].info.run_id)
    tags = {"mesocycle_run": str(run.pk), "trigger": run.trigger, "status": run.status, "data_sha256": run.data_sha256}
    made = client.create_run(experiment, run_name=f"{run.as_of:%Y-%m-%d %H:%M}", tags=tags)
    run_id = str(made.info.run_id)
    for name, value in {"code_version": run.code_version, **run.parameters_json}.items():
        client.log_param(run_id, _word(name), str(value)[:500])
    for name, rows in run.rows_json.items():
        client.log_metric(run_id, _word(f"rows.{name}"), float(rows))
    for figure in run.metrics_json:
        for who in ("candidate", "champion", "baseline", "low", "high"):
            if figure[who] is not None:
                key = f"{figure['part']}.{figure['metric']}.{figure['group']}.{who}"
                client.log_metric(run_id, _word(key), float(figure[who]))
    client.log_text(run_id, json.dumps(run.gate_json, indent=2), "gate.json")
    client.log_text(run_id, json.dumps(run.metrics_json, indent=2), "figures.json")
    client.set_terminated(run_id, "FAILED" if run.status == "failed" else "FINISHED")
    return run_id


def _experiment(client: Any) -> str:
    found = client.get_experiment_by_name(MODEL)
    if found is not None:
        return str(found.experiment_id)
    place = settings.MLFLOW_ARTIFACTS if not settings.MLFLOW_TRACKING_URI.startswith("http") else None
    return str(client.create_experiment(MODEL, artifact_location=place))


def _number(client: Any, version: AlgorithmVersion) -> str:
    """Return the number that MLflow gave to a version; "" where it does not know it."""
    found = client.search_model_versions(f"name = '{MODEL}'")
    return next((str(one.version) for one in found if one.tags.get("version") == version.name), "")


def _register(client: Any, run_id: str, version: AlgorithmVersion) -> str:
    if not any(model.name == MODEL for model in client.search_registered_models(f"name = '{MODEL}'")):
        client.create_registered_model(MODEL, description="Versions of the planning model; the document is JSON.")
    client.log_text(run_id, version.document, "model/document.json")
    source = f"{client.get_run(run_id).info.artifact_uri}/model"
    tags = {"version": version.name, "sha256": version.sha256}
    return str(client.create_model_version(MODEL, source=source, run_id=run_id, tags=tags).version)


def _at(client: Any, alias: str) -> str:
    """Return the name of the version that an alias points at; "" for none."""
    models = client.search_registered_models(f"name = '{MODEL}'")
    number = next((model.aliases.get(alias) for model in models if model.name == MODEL), None)
    return str(client.get_model_version(MODEL, str(number)).tags.get("version", "")) if number else ""


def _point(client: Any, version: AlgorithmVersion | None) -> None:
    if version is not None:
        number = _number(client, version) or _register(client, _run(client, version.run), version)
        client.set_registered_model_alias(MODEL, CHAMPION, number)
    elif _at(client, CHAMPION):
        client.delete_registered_model_alias(MODEL, CHAMPION)


def _word(name: str) -> str:
    """Return a name as MLflow takes it."""
    return "".join(char if char.isalnum() or char in "_-. /" else "_" for char in name)[:250]
