"""Looks at experiments: what is known is counted, kept, and judged by the guardrails, which stop by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from accounts.scope import require
from audit.services import record
from common.alerts import Severity, raise_alert
from common.canonical import canonical_json, text_sha256
from common.context import register_service, unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible, WrongState
from experiments.analysis import Action, Decision
from experiments.documents import harm_of, protocol_of, weights_of
from experiments.facts import events_of
from experiments.judging import decisions_of
from experiments.lifecycle import Command, State
from experiments.looks import LATE, Look, look_of, read_look
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentLook
from experiments.policies import MANAGE, Actor
from experiments.services.running import step
from experiments.streams import reduce

ANALYSIS: Final = register_service("experiment-analysis")


def take_look(*, key: str, as_of: datetime | None = None, acting_user: Actor) -> ExperimentLook:
    """Count what is known of an experiment at a moment, and keep it; a look is never taken again.

    Args:
        as_of: in the past, after the look before; the last midnight (UTC) where it is left out.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such experiment.
        WrongState: it was never started, or there is a look of that moment or a later one.
        InvalidInput: the moment is in the future.
    """
    require(acting_user, MANAGE)
    with unit_of_work(ANALYSIS):
        experiment = Experiment.objects.select_for_update(no_key=True).filter(key=key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {key}.")
        now = database_now()
        as_of = as_of or midnight(now)
        before = experiment.looks.order_by("-number").first()
        _check_moment(experiment, as_of, now, before)
        return _stored(experiment, _counted(experiment, as_of, before))


def look_at_all() -> None:
    """Take the day's look of each experiment that runs, judge its guardrails, and end what is past its end.

    Due each day, and harmless when done again. One experiment's failure does not keep the others from theirs.
    """
    with unit_of_work(ANALYSIS, read_only=True):
        now = database_now()
        due = [experiment.key for experiment in Experiment.objects.order_by("id") if _is_due(experiment, now)]
    for key in due:
        try:
            _look_and_judge(key)
        except Exception as error:
            text = f"No look was taken at experiment {key}: {type(error).__name__}: {error}"
            raise_alert(
                "experiment.no_look", severity=Severity.WARNING, text=text, dedupe_key=f"{key}:{now.date()}:no-look"
            )


def midnight(moment: datetime) -> datetime:
    """Return the start of a moment's day, UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def looks_of(experiment: Experiment) -> list[Look]:
    """Return an experiment's looks, the oldest first."""
    return [read_look(row.document_json) for row in experiment.looks.order_by("number")]


def _look_and_judge(key: str) -> None:
    with unit_of_work(ANALYSIS):
        experiment = Experiment.objects.get(key=key)
        if not experiment.looks.filter(as_of__gte=midnight(database_now())).exists():
            take_look(key=key, acting_user=ANALYSIS)
        if experiment.status == State.COMPLETE:
            return
        protocol = protocol_of(experiment)
        judged = decisions_of(protocol, looks_of(experiment), weights_of(experiment)[1], harm_of(protocol))
        stopping = [one for one in judged if one.action is Action.STOP]
        if stopping:
            _stop(experiment, stopping)
        elif experiment.end_at is not None and experiment.end_at <= database_now():
            step(key=key, command=Command.COMPLETE, reason="Its end is reached.", expected=None, acting_user=ANALYSIS)


def _stop(experiment: Experiment, stopping: Sequence[Decision]) -> None:
    first = stopping[0]
    why = f"{first.guardrail} of {first.treatment}: {first.why}"[:300]
    step(
        key=experiment.key,
        command=Command.COMPLETE,
        reason=why,
        expected=None,
        acting_user=ANALYSIS,
        ended_by=first.guardrail,
    )
    text = f"Experiment {experiment.key} was stopped by a guardrail. {why}"
    raise_alert(
        "experiment.stopped", severity=Severity.CRITICAL, text=text, dedupe_key=f"experiment-stopped:{experiment.pk}"
    )


def _is_due(experiment: Experiment, now: datetime) -> bool:
    if experiment.status == State.DRAFT or experiment.start_at is None or experiment.start_at >= midnight(now):
        return False
    if experiment.synthetic:
        return False
    return experiment.ended_at is None or midnight(now) <= experiment.ended_at + LATE


def _check_moment(experiment: Experiment, as_of: datetime, now: datetime, before: ExperimentLook | None) -> None:
    if experiment.status == State.DRAFT or experiment.start_at is None or as_of <= experiment.start_at:
        raise WrongState(f"{experiment.key} had not begun then; there is nothing to look at.")
    if as_of > now:
        raise InvalidInput("A look is of a moment that has been.", pointer="/as_of")
    if before is not None and as_of <= before.as_of:
        raise WrongState(f"There is a look of {before.as_of.isoformat()} already; what was told does not change.")


def _counted(experiment: Experiment, as_of: datetime, before: ExperimentLook | None) -> Look:
    protocol = protocol_of(experiment)
    measures = [METRICS.get(name).measure for name in protocol.metrics]
    ends = [end for end in (experiment.end_at, experiment.ended_at) if end is not None]
    since = before.as_of if before else None
    events = events_of(experiment, measures, until=as_of)
    tally = reduce(events, as_of=as_of, since=since, until=min(ends, default=None), measures=measures)
    number = before.number + 1 if before else 1
    return look_of(tally, protocol, measures, weights_of(experiment), number=number, as_of=as_of, since=since)


def _stored(experiment: Experiment, look: Look) -> ExperimentLook:
    document = look.as_json()
    sha256 = text_sha256(canonical_json(document))
    row = ExperimentLook.objects.create(
        experiment=experiment, number=look.number, as_of=look.as_of, document_json=document, sha256=sha256
    )
    metadata = {"key": experiment.key, "number": look.number, "as_of": look.as_of.isoformat(), "sha256": sha256}
    record("experiment.look", target_id=experiment.pk, metadata=metadata)
    return row
