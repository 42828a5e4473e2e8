"""What the model learned from a coach: the coach's overrides, what came of them, what plans do since (E6)."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from accounts.models import Consent, Purpose, User
from common.context import register_service, unit_of_work
from modeling.learned.algorithm import DamagedDocument, OverrideModel, read_algorithm
from modeling.models import AlgorithmVersion, VersionStatus
from modeling.training.own import Learned, Own, learned, own
from plans.evidence.reading import NoStore, connection, reading
from plans.models import PlanReview, PlanVersion, PlanVersionChange
from plans.models.review import Decision
from telemetry.tokens import person_tokens

logger = logging.getLogger("mesocycle.evidence")

REPORTER: Final = register_service("coach-reports")
"""A coach's report counts sessions of athletes whom the coach has left since; it names none."""


@dataclass(frozen=True, slots=True)
class Since:
    """Sessions that the machine adjusted beforehand in plans that this coach submitted, and how many the coach changed
    again. since: when the present model became the champion, None for ever."""

    since: datetime | None
    adjusted: int
    taken_back: int

    @property
    def kept(self) -> int:
        return self.adjusted - self.taken_back


@dataclass(frozen=True, slots=True)
class Report:
    """A coach's report. own: None where nothing was exported, which `nothing` explains. version: the champion's name,
    empty for the version that ships. unused: overrides of athletes who did not consent to training."""

    coach: User
    own: Own | None
    nothing: NoStore | None
    version: str
    learned: tuple[Learned, ...]
    since: Since
    unused: int
    is_synthetic: bool = False


def report_of(coach: User) -> Report:
    """Return a coach's report; reads as a service, outside any unit of work."""
    with unit_of_work(REPORTER, read_only=True):
        champion = AlgorithmVersion.objects.filter(status=VersionStatus.CHAMPION).first()
        since = _since(coach.pk, champion.promoted_at if champion else None)
        unused = _unused(coach.pk)
    version = champion.name if champion else ""
    tokens = frozenset(person_tokens(coach.pk))
    try:
        read = reading()
        model = _overrides(champion)
        with connection() as opened:
            rules = learned(opened, read.of, tokens, model) if model is not None else []
    except NoStore as nothing:
        return Report(coach, None, nothing, version, (), since, unused)
    return Report(coach, own(read.of, tokens), None, version, tuple(rules), since, unused, read.of.is_synthetic)


def _overrides(champion: AlgorithmVersion | None) -> OverrideModel | None:
    """Return what the champion learned from overrides; None where there is nothing, or it cannot be read."""
    if champion is None:
        return None
    try:
        return read_algorithm(champion.name, json.loads(champion.document)).overrides
    except (DamagedDocument, ValueError):
        logger.exception("the champion %s cannot be read", champion.name)
        return None


def _submissions(coach_id: UUID) -> Any:
    return PlanReview.objects.filter(reviewer_id=coach_id, decision=Decision.SUBMIT)


def _unused(coach_id: UUID) -> int:
    """Return in how many sessions of athletes without consent this coach's submissions changed something."""
    consenting = Consent.objects.filter(purpose=Purpose.TRAINING, granted=True).values("athlete")
    plans = _submissions(coach_id).exclude(athlete__in=consenting).values("plan")
    changes = PlanVersionChange.objects.filter(version__plan__in=plans, version__author_id=coach_id)
    return changes.order_by().values("version__plan", "session_id").distinct().count()


def _since(coach_id: UUID, since: datetime | None) -> Since:
    """Count sessions adjusted beforehand, once a plan's proposal, by the newest submission of it."""
    rows = _submissions(coach_id).select_related("version__baseline").order_by("version__version_number", "id")
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    newest: dict[UUID, PlanReview] = {row.version.baseline_version_id: row for row in rows}
    adjusted = taken_back = 0
    for row in newest.values():
        baseline = row.version.baseline or row.version
        sessions = adjusted_in(baseline)
        if sessions:
            again = PlanVersionChange.objects.filter(
                version__plan=row.plan_id,
                version__version_number__gt=baseline.version_number,
                version__version_number__lte=row.version.version_number,
                version__author_id=coach_id,
            ).values_list("session_id", flat=True)
            adjusted += len(sessions)
            taken_back += len(sessions & {str(one) for one in again})
    return Since(since, adjusted, taken_back)


def adjusted_in(version: PlanVersion) -> set[str]:
    """Return the ids of the sessions that the machine adjusted beforehand in a version that it proposed."""
    return {str(one["session_id"]) for one in version.provenance_json.get("adjustments", [])}
