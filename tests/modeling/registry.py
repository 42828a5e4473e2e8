"""Runs and versions for tests, made by the product's own services."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from common import clock
from common.context import COMMAND_LINE
from modeling.learned.algorithm import FORMAT
from modeling.learned.context import FEATURES_VERSION
from modeling.models import AlgorithmVersion, TrainingRun
from modeling.services.training_runs import begin_run, finish_run
from modeling.training.verdict import EVERYBODY, Check, Figure, Trained, Verdict


def document(mark: str = "a", **parts: Any) -> dict[str, Any]:
    """A document that was learned from too little for any part; `mark` makes it another one."""
    nothing = {"priors": None, "overrides": None, "adherence": None, "heuristics": []}
    return {"format": FORMAT, "features": FEATURES_VERSION, "trained_as_of": mark, "parent": "1", **nothing, **parts}


def figure(group: str = EVERYBODY, low: float = -0.9, high: float = -0.2) -> Figure:
    return Figure("priors", "next-test error", "%", "lower", group, 120, 40, 2.1, 2.6, 3.4, low, high)


def trained(mark: str = "a", *, refused: str = "", **parts: Any) -> Trained:
    better = Check("better", not refused, refused or "It is.")
    checks = (Check("frozen data", True, "The data are as they were."), better)
    return Trained(
        document=document(mark, **parts),
        data_sha256="d" * 64,
        figures=(figure(), figure("running, beginner", -0.4, 0.3)),
        verdict=Verdict(checks),
        rows={"athletes": 40, "sessions": 1200},
        parameters={"folds": 5},
    )


def begun(acting_user: Any = COMMAND_LINE, *, trigger: str = "nightly", dry_run: bool = False) -> TrainingRun:
    as_of = clock.now() - timedelta(hours=1)
    return begin_run(as_of=as_of, trigger=trigger, dry_run=dry_run, acting_user=acting_user)


def version(mark: str = "a", *, acting_user: Any = COMMAND_LINE, trigger: str = "nightly") -> AlgorithmVersion:
    """A candidate that passed the gate."""
    run = begun(acting_user, trigger=trigger)
    made = finish_run(run_id=run.pk, trained=trained(mark), acting_user=acting_user).version
    assert made is not None
    return made


def damage(name: str, text: str | None = None) -> None:
    """Change a stored document, as a fault of the disk or of a person with a shell would."""
    row = AlgorithmVersion.objects.get(name=name)
    content = json.dumps({**json.loads(row.document), "format": 99}) if text is None else text
    AlgorithmVersion.objects.filter(name=name).update(document=content)
