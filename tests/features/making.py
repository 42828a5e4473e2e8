"""A small world with consents, edits and training, for tests of the export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.services.consent import record_consent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from modeling.models import Activity
from modeling.training.store import FeatureStore
from plans.services.export_features import EXPORTER, Export, export_features
from tests.plans.review import Review, make_review

MONDAY = datetime(2026, 6, 1, 9, tzinfo=UTC)


@contextmanager
def at(days: float) -> Iterator[datetime]:
    """Act so many days after the first Monday."""
    moment = MONDAY + timedelta(days=days)
    with clock.frozen(moment):
        yield moment


def consent(athlete_id: UUID, granted: bool = True, purpose: str = "training") -> None:
    record_consent(athlete_id=athlete_id, purpose=purpose, granted=granted, text_version="1", acting_user=COMMAND_LINE)


def export(**more: Any) -> Export:
    return export_features(acting_user=EXPORTER, **more)


def store() -> FeatureStore:
    return FeatureStore.open(settings.FEATURE_STORE_URL)


def rows(table: str, as_of: datetime | None = None) -> list[dict[str, Any]]:
    """What a reader sees, now by default."""
    return store().table(table, as_of=as_of or clock.now()).to_pylist()


def files() -> dict[str, bytes]:
    """Every file of the store but the manifest, by path."""
    root = Path(settings.FEATURE_STORE_URL)
    found = [path for path in root.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


@dataclass
class World:
    """One plan that a coach edited, the athlete accepted and trains by."""

    review: Review
    cut: dict[str, Any]
    dropped: dict[str, Any]
    moved: dict[str, Any]
    kept: dict[str, Any]


def make_world() -> World:
    """Monday: the plan; Tuesday: the coach's edits and submission; Wednesday: accepted; later: one session done."""
    with at(0):
        review = make_review(weeks=8)
        consent(review.athlete.pk)
        give_history(review.athlete.pk)
    with at(1):
        sessions = [one for one in review.editable() if one["day"] >= "2026-06-08"]
        cut, dropped, moved, kept = sessions[:4]
        minutes = cut["prescribed_work"]["duration_min"]
        later = date.fromisoformat(moved["day"]) + timedelta(days=1)
        path = f"/sessions/{cut['session_id']}/prescribed_work/duration_min"
        answer = review.patch(
            [
                {"op": "replace", "path": path, "value": minutes / 2, "reason": "travel"},
                {"op": "remove", "path": f"/sessions/{dropped['session_id']}", "reason": "illness"},
                {"op": "replace", "path": f"/sessions/{moved['session_id']}/day", "value": later.isoformat()},
            ]
        )
        assert answer.status_code == 200, answer.content
    with at(1.5):
        assert review.submit(reason="coach_judgement").status_code == 200
    with at(2):
        assert review.decide("accept", rating=4).status_code == 200
    return World(review, cut, dropped, moved, kept)


def give_history(athlete_id: UUID) -> None:
    """Two activities and nothing else."""
    with unit_of_work(COMMAND_LINE):
        for number in range(2):
            Activity.objects.create(
                athlete_id=athlete_id,
                day=clock.today() - timedelta(days=number + 1),
                sport="running",
                duration_s=3600,
                load=50 + number,
                load_unit="TSS",
                load_method="pace",
                source_name="made up",
                fingerprint=f"{number}",
            )
