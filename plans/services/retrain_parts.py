"""What a training run is made of: the export of the feature store, and learning from it. Tests give their own.

The learner's modules need the extra [ml], so they are read when a run needs them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from common.context import service
from modeling.learned.algorithm import LearnedAlgorithm
from modeling.training.verdict import Trained
from plans.services.safety_panel import broken_guards

Progress = Callable[[str, int, int], None]
"""A step's name, how much of it is done, and of how much."""


class NothingToLearn(Exception):
    """There is no data yet, or too little; says which."""


@dataclass(frozen=True, slots=True)
class Parts:
    """export: writes the feature store. train: learns from what was known at a moment, and judges.

    Both raise NothingToLearn where there is too little, and whatever else where they fail.
    """

    export: Callable[[Progress], None]
    train: Callable[[datetime, LearnedAlgorithm, Progress], Trained]


def export(progress: Progress) -> None:
    """Bring the feature store up to date."""
    progress("export", 0, 1)
    module: Any = importlib.import_module("plans.services.export_features")
    module.export_features(acting_user=service("feature-export"))
    progress("export", 1, 1)


def train(as_of: datetime, champion: LearnedAlgorithm, progress: Progress) -> Trained:
    """Learn from the feature store.

    Raises:
        NothingToLearn: the store is empty, or holds too little.
        DamagedStore: a file is not what was written; names it.
    """
    files: Any = importlib.import_module("modeling.training.store")
    pipeline: Any = importlib.import_module("modeling.training.pipeline")
    try:
        store = files.FeatureStore.open(settings.FEATURE_STORE_URL)
        store.verify()
        found: Trained = pipeline.train(store, as_of=as_of, champion=champion, safety=broken_guards, progress=progress)
    except (files.EmptyStore, pipeline.TooLittle) as error:
        raise NothingToLearn(str(error)) from error
    return found


PARTS: Final = Parts(export, train)
