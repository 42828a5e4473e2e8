"""What a training run is made of: the export of the feature store, and learning from it. Tests give their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from common import clock
from common.context import unit_of_work
from modeling.heuristics import active_heuristics
from modeling.learned.algorithm import SHIPPED, LearnedAlgorithm
from modeling.models import AlgorithmVersion
from modeling.training import pipeline
from modeling.training.store import EmptyStore, FeatureStore
from modeling.training.verdict import Trained
from plans.features.people import people_now
from plans.services.export_features import EXPORTER, export_features
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
    export_features(acting_user=EXPORTER)
    progress("export", 1, 1)


def train(as_of: datetime, champion: LearnedAlgorithm, progress: Progress) -> Trained:
    """Learn from the feature store.

    Raises:
        NothingToLearn: the store is empty, or holds too little.
        DamagedStore: a file is not what was written; names it.
    """
    with unit_of_work(EXPORTER, read_only=True):
        heuristics, document = active_heuristics(), _document_of(champion)
    try:
        store = FeatureStore.open(settings.FEATURE_STORE_URL)
        store.verify()
        return pipeline.train(
            store,
            as_of=as_of,
            champion=champion,
            heuristics=heuristics,
            safety=broken_guards,
            champion_document=document,
            consented=_consented,
            progress=progress,
        )
    except (EmptyStore, pipeline.TooLittle) as error:
        raise NothingToLearn(str(error)) from error


def _document_of(champion: LearnedAlgorithm) -> Mapping[str, Any] | None:
    """Return the champion's document, None of the version that ships: it has learned nothing."""
    if champion.name == SHIPPED:
        return None
    found: dict[str, Any] = json.loads(AlgorithmVersion.objects.get(name=champion.name).document)
    return found


def _consented() -> frozenset[str]:
    """Return the tokens of the athletes whose consent to training stands at this moment, not at the export's."""
    with unit_of_work(EXPORTER, read_only=True):
        return frozenset(people_now(clock.now()).athletes.values())


PARTS: Final = Parts(export, train)
