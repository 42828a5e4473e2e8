"""An experiment with athletes and facts made for the test, day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from accounts.models import Athlete, User
from accounts.services.consent import record_consent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.metrics import METRICS, Metric, Unit
from experiments.models import Experiment
from experiments.services.assign import assign
from experiments.services.exposing import report_exposure
from experiments.services.running import create_experiment, step
from experiments.streams import Measure, Measured, Shape
from tests.experiments.protocols import protocol
from tests.factories import make_athlete, make_user

KEY = "taper"
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Study:
    """A running experiment of two arms and what was measured in it; `facts` by metric."""

    scientist: User
    coaches: list[User]
    facts: dict[str, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    athletes: list[tuple[Athlete, str]] = field(default_factory=list)

    def join(self, count: int) -> None:
        """Let athletes in, now: they agree, are assigned and see their variant."""
        for _ in range(count):
            athlete = make_athlete(coach=self.coaches[len(self.athletes) % len(self.coaches)])
            self.agree(athlete)
            told = {"experiment_key": KEY, "subject_id": athlete.pk, "acting_user": COMMAND_LINE}
            variant = assign(attributes={}, **told).variant
            report_exposure(variant=variant, source_id=uuid4(), **told)
            self.athletes.append((athlete, variant or ""))

    def agree(self, athlete: Athlete, *, granted: bool = True) -> None:
        about = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
        record_consent(athlete_id=athlete.pk, granted=granted, **about)

    def measure(
        self, metric: str, athlete: Athlete, y: float, *, at: datetime, known_at: datetime | None = None
    ) -> None:
        self.facts[metric].append(Measured(str(uuid4()), str(athlete.pk), metric, y, 1.0, at, known_at or at))

    @property
    def experiment(self) -> Experiment:
        with unit_of_work(COMMAND_LINE, read_only=True):
            return Experiment.objects.get(key=KEY)


@contextmanager
def measuring(study: Study) -> Iterator[None]:
    """Register the study's metrics: `score` (more is better) and `harm` (less is)."""
    before = dict(METRICS._entries)
    for name, higher in (("score", True), ("harm", False)):
        METRICS.register(name, _metric(study, name, higher))
    try:
        yield
    finally:
        METRICS._entries.clear()
        METRICS._entries.update(before)


def _metric(study: Study, name: str, higher: bool) -> Metric:
    def read(subjects: Any, since: datetime, until: datetime) -> Iterator[Measured]:
        known = {str(one) for one in subjects}
        return (one for one in study.facts[name] if one.subject in known and since <= one.at < until)

    return Metric(name.capitalize(), "made for the test", Unit.NUMBER, Measure(name, Shape.RATIO), higher, read)


def begin(study: Study, **asked: Any) -> None:
    """Start the experiment."""
    told = {"key": KEY, "reason": "test", "acting_user": study.scientist}
    asked = {"primary_metric": "score", "guardrails": [{"metric": "harm", "margin": 0.5}], **asked}
    fields = {"variant_weights": {"a": 50, "b": 50}, "stratification_keys": ["sport"]}
    fields |= {"end_at": (BEGIN + 28 * DAY).isoformat(), "protocol": protocol(**asked)}
    create_experiment(fields=fields, **told)
    step(command=Command.START, expected=None, **told)


@contextmanager
def study_of(coaches: int = 6, **asked: Any) -> Iterator[Study]:
    """Run an experiment from `BEGIN`."""
    with clock.frozen(BEGIN):
        study = Study(make_user("data_scientist"), [make_user("coach") for _ in range(coaches)])
        with measuring(study):
            begin(study, **asked)
            yield study
