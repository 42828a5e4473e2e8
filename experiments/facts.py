"""An experiment's rows as events: who was assigned, saw a variant, agreed, and what was measured, each with its times.

Read by the service identity of the analysis, which reaches everybody; what leaves it are sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Consent, Purpose
from experiments.lifecycle import State
from experiments.looks import stratum_in
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentAssignment, ExperimentExposure
from experiments.streams import Agreed, Assigned, Event, Exposed, Measure, Paused, Resumed


def events_of(experiment: Experiment, measures: Iterable[Measure], *, until: datetime) -> Iterator[Event]:
    """Return everything that happened in an experiment up to but not a moment; runs in the caller's unit of work."""
    assert experiment.start_at is not None
    yield from _assigned(experiment)
    yield from _exposed(experiment)
    yield from _pauses(experiment)
    exposures = ExperimentExposure.objects.filter(experiment=experiment).order_by()
    subjects = set(exposures.values_list("subject_id", flat=True).distinct())
    yield from _agreed(subjects)
    for measure in measures:
        metric = METRICS.get(measure.metric)
        if subjects:
            yield from metric.read(subjects, experiment.start_at - measure.before, until)


def _assigned(experiment: Experiment) -> Iterator[Event]:
    rows = ExperimentAssignment.objects.filter(experiment=experiment).order_by()
    names = ("pk", "subject_id", "variant", "phase__number", "stratum", "assigned_at", "created_at")
    for key, subject, variant, phase, stratum, at, known_at in rows.values_list(*names):
        yield Assigned(str(key), str(subject), variant, phase, stratum_in(stratum, phase), at, known_at)


def _exposed(experiment: Experiment) -> Iterator[Event]:
    rows = ExperimentExposure.objects.filter(experiment=experiment).order_by()
    names = ("pk", "subject_id", "variant", "coach_id", "exposed_at", "created_at")
    for key, subject, variant, coach, at, known_at in rows.values_list(*names).iterator():
        # Who has no coach is alike with nobody.
        yield Exposed(str(key), str(subject), variant, str(coach or subject), at, known_at)


def _agreed(subjects: set[UUID]) -> Iterator[Event]:
    rows = Consent.history.filter(athlete_id__in=subjects, purpose=Purpose.EXPERIMENTS).order_by()
    for key, subject, granted, at in rows.values_list("history_id", "athlete_id", "granted", "history_date"):
        yield Agreed(str(key), str(subject), granted, at, at)


def _pauses(experiment: Experiment) -> Iterator[Event]:
    """Return when it was paused and went on, from the history of its state."""
    rows = Experiment.history.filter(id=experiment.pk).order_by("history_date", "version")
    before = State.DRAFT.value
    for key, status, at in rows.values_list("history_id", "status", "history_date"):
        if status == State.PAUSED and before != State.PAUSED:
            # A person's pause binds from its commit on; a microsecond keeps an assignment of that moment.
            yield Paused(str(key), at + timedelta(microseconds=1), at)
        elif before == State.PAUSED and status != State.PAUSED:
            yield Resumed(str(key), at, at)
        before = status
