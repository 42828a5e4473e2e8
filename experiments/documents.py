"""From rows to configurations: the draft as it would be frozen, and what runs as it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any, Final

from django.db.models import CharField, QuerySet

from accounts.models import Level, Sport, Tier
from common.database_time import DatabaseClock, as_database_now, database_now
from common.errors import InvalidInput
from common.plain import plain
from common.prepared import Given, Prepared
from experiments.analysis import Worse
from experiments.assignment import stratum_of
from experiments.configuration import Configuration
from experiments.lifecycle import State
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentPhase
from experiments.parameters import PARAMETERS
from experiments.protocol import Protocol, read_protocol
from experiments.reading import read_configuration

CONFIGURED: Final = (
    "variant_weights",
    "stratification_keys",
    "holdout_percentage",
    "traffic_percentage",
    "targeting",
    "layer",
    "roster",
    "block_size",
    "end_at",
)


@dataclass(frozen=True, slots=True)
class Current:
    """An experiment as it stands at a moment of the database: `phase` is the one that assigns, None of a draft."""

    experiment: Experiment
    phase: ExperimentPhase | None
    configuration: Configuration
    at: datetime


def draft_of(experiment: Experiment, *, start_at: datetime, phase: int) -> Configuration:
    """Return the configuration that the columns say.

    Raises:
        InvalidInput: with every mistake, each at its field.
    """
    document: dict[str, Any] = {"key": experiment.key, "phase": phase, "start_at": plain(start_at)}
    for name in CONFIGURED:
        try:
            document[name] = plain(getattr(experiment, name))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{name} holds what no JSON holds, such as NaN.", pointer=f"/{name}") from error
    return read_configuration(document, state=State(experiment.status))


def protocol_of(experiment: Experiment) -> Protocol:
    """Return what an experiment asks and how it is judged.

    Raises:
        InvalidInput: with every mistake, also that nothing was written yet.
    """
    if not experiment.protocol:
        raise InvalidInput(
            "Say what is asked before the start: control, primary_metric and planned_subjects at least.",
            pointer="/protocol",
        )
    return read_protocol(
        experiment.protocol,
        variants=list(experiment.variant_weights),
        metrics=list(METRICS),
        parameters={name: list(one.values) for name, one in PARAMETERS.items()},
    )


def configuration_of(phase: ExperimentPhase, status: str) -> Configuration:
    """Return what a phase was frozen as, in the experiment's present state."""
    return _read(phase, State(status))


def weights_of(experiment: Experiment) -> dict[int, dict[str, float]]:
    """Return the weights of each phase that was begun, percent by variant."""
    return {phase.number: phase.document_json["variant_weights"] for phase in experiment.phases.all()}


def harm_of(protocol: Protocol) -> dict[str, Worse]:
    """Return the direction of each metric that harms."""
    return {name: Worse.BELOW if METRICS.get(name).higher_is_better else Worse.ABOVE for name in protocol.metrics}


def strata_of(configuration: Configuration) -> tuple[str, ...]:
    """Return every stratum that a configuration can have, known before the start; none where a value may be anything.

    Only what our own records answer has a list of values.
    """
    values = {"sport": Sport.values, "level": Level.values, "tier": Tier.values}
    targeted = dict(configuration.targeting)
    lists = []
    for key in configuration.strata:
        if key not in values:
            return ()
        lists.append([one for one in values[key] if one in targeted.get(key, values[key])])
    names = [dict(zip(configuration.strata, each, strict=True)) for each in product(*lists)]
    return tuple(stratum_of(configuration, each) for each in names) if configuration.strata else ()


def newest_phase(experiment: Experiment) -> ExperimentPhase | None:
    """Return the phase that assigns, None of a draft."""
    phase: ExperimentPhase | None = experiment.phases.order_by("-number").first()
    return phase


def current_of(experiment: Experiment) -> Current:
    """Return how an experiment stands now; of a draft, as it would be frozen."""
    return _current(experiment, newest_phase(experiment))


def current_named(key: str) -> Current | None:
    """Do so by the experiment's key, with one query where it has a phase; None where there is no such experiment.

    Of the experiment, key and status are read; of the phase, all but its document.
    """
    for phase in _NEWEST.ask(key=key):
        at = as_database_now(phase.at)  # type: ignore[attr-defined]  # annotated
        return Current(phase.experiment, phase, configuration_of(phase, phase.experiment.status), at)
    draft = Experiment.objects.filter(key=key).first()
    return None if draft is None else current_of(draft)


def _newest() -> QuerySet[ExperimentPhase]:
    phases = ExperimentPhase.objects.filter(experiment__key=Given("key", CharField())).select_related("experiment")
    phases = phases.only("experiment__key", "experiment__status", "number", "version", "started_at", "reason")
    return phases.annotate(at=DatabaseClock()).order_by("-number")[:1]


_NEWEST: Prepared[ExperimentPhase] = Prepared(_newest)


def _current(experiment: Experiment, phase: ExperimentPhase | None) -> Current:
    at = database_now()
    if phase is None:
        return Current(experiment, None, draft_of(experiment, start_at=experiment.start_at or at, phase=1), at)
    return Current(experiment, phase, configuration_of(phase, experiment.status), at)


@lru_cache(maxsize=256)
def _read(phase: ExperimentPhase, state: State) -> Configuration:
    """Read a phase's document once a process: phases are equal by their key, and never change (append-only)."""
    return read_configuration(phase.document_json, state=state)
