"""Reads of experiments: results, from stored looks alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from accounts.scope import require
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible
from experiments.configuration import Configuration
from experiments.documents import configuration_of, protocol_of, strata_of
from experiments.errors import NoLook, ResultsHidden
from experiments.lifecycle import State
from experiments.looks import LATE, Look, read_look
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentLook, ExperimentPhase
from experiments.policies import MANAGE, Actor
from experiments.report import FORMAT, Facts, MetricFacts, Report, document, looks_until, report, rows
from experiments.report.balance import sample_ratio_of


@dataclass(frozen=True, slots=True)
class Seen:
    """A look that can be asked for."""

    number: int
    as_of: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Results:
    """An experiment as of a look. sha256: of that look. history: all looks, the oldest first.

    alarmed_later: a look after this one found that the arms are not as they should be. What was told at this look
    stays what it was; nobody should rely on it any more.
    """

    report: Report
    facts: Facts
    looks: Sequence[Look]
    sha256: str
    history: tuple[Seen, ...]
    alarmed_later: bool

    @property
    def etag(self) -> str:
        """The tag of what `document` says: of the look, and of the form it is told in."""
        return f'"{self.sha256}-{FORMAT}"'

    @property
    def is_newest(self) -> bool:
        return self.report.number == self.history[-1].number

    def document(self) -> dict[str, Any]:
        """Return the results as JSON has them.

        Raises:
            ResultsHidden: the sample ratio alarms.
        """
        self._require_shown()
        return {**document(self.report), "look_sha256": self.sha256}

    def rows(self) -> list[dict[str, Any]]:
        """Return what every look up to this one said, by `experiments.report.COLUMNS`; raises as `document`."""
        self._require_shown()
        return rows(self.facts, self.looks, as_of=self.report.as_of)

    def _require_shown(self) -> None:
        if self.report.hidden:
            raise hidden(self.report)


def moment_of(text: str) -> datetime | None:
    """Return the moment that an as-of names: a day (ISO 8601) is its end, UTC, so that its looks count; "" is None.

    Raises:
        InvalidInput: it is no day and no moment.
    """
    if not text:
        return None
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), time.max, tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"found '{text[:40]}', allowed a day or a moment (ISO 8601)", pointer="/as_of") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def hidden(found: Report) -> ResultsHidden:
    """Return why results are not told."""
    balance = found.balance
    return ResultsHidden(
        f"{found.key}: {balance.why}.",
        code="srm_alarm",
        alarmed_at=balance.alarmed.isoformat() if balance.alarmed else None,
        e_value=balance.e_value,
    )


def results_of(*, key: str, as_of: datetime | None = None, acting_user: Actor) -> Results:
    """Return what came of an experiment as of the newest look at or before a moment; the newest look without one.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such experiment.
        NoLook: there is no look yet, or none at or before that moment.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, MANAGE)
        experiment = Experiment.objects.filter(key=key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {key}.")
        stored = list(experiment.looks.order_by("number"))
        looks = [read_look(row.document_json) for row in stored]
        told, phases, now = looks_until(looks, as_of), list(experiment.phases.order_by("number")), database_now()
    if not told:
        # Outside of the unit of work, since a page goes on from here and a refusal inside would have ended its own.
        raise NoLook(f"There is no look at {key} yet." if as_of is None else f"There is no look at {key} by then.")
    return _results(experiment, phases, stored, looks, told[-1], now)


def _results(
    experiment: Experiment,
    phases: Sequence[ExperimentPhase],
    stored: Sequence[ExperimentLook],
    looks: Sequence[Look],
    last: Look,
    now: datetime,
) -> Results:
    facts = facts_of(experiment, [one for one in phases if one.started_at <= last.as_of])
    found = report(facts, looks, as_of=last.as_of, now=now)
    row = next(one for one in stored if one.number == last.number)
    return Results(
        report=found,
        facts=facts,
        looks=looks,
        sha256=row.sha256,
        history=tuple(Seen(one.number, one.as_of, one.sha256) for one in stored),
        alarmed_later=not found.hidden and sample_ratio_of(facts_of(experiment, phases), looks).mismatch,
    )


def facts_of(experiment: Experiment, phases: Sequence[ExperimentPhase]) -> Facts:
    """Return what a report needs to know; phases: those that had begun."""
    protocol, state = protocol_of(experiment), State(experiment.status)
    configurations = [configuration_of(one, experiment.status) for one in phases]
    assert experiment.start_at is not None
    return Facts(
        key=experiment.key,
        name=experiment.name,
        status=state,
        start_at=experiment.start_at,
        end_at=configurations[-1].end_at if configurations else experiment.end_at,
        ended_at=experiment.ended_at,
        ended_by=experiment.ended_by,
        protocol=protocol,
        metrics={name: _metric(name) for name in protocol.metrics},
        weights=_weights(phases),
        strata=_strata(configurations),
        looked_until=experiment.ended_at + LATE if experiment.ended_at else None,
        synthetic=experiment.synthetic,
    )


def _metric(name: str) -> MetricFacts:
    found = METRICS.get(name)
    return MetricFacts(name, found.title, found.describes, found.unit, found.higher_is_better)


def _weights(phases: Sequence[ExperimentPhase]) -> Mapping[int, Mapping[str, float]]:
    return {one.number: one.document_json["variant_weights"] for one in phases}


def _strata(configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """Return every stratum of all phases, none where a phase has some that cannot be named beforehand."""
    found: Final[dict[str, None]] = {}
    for one in configurations:
        names = strata_of(one) if one.strata else ("",)
        if not names:
            return ()
        found.update(dict.fromkeys(names))
    return tuple(found) if set(found) != {""} else ()
