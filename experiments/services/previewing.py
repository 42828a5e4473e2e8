"""A draft on the real roster: read as a service, told in counts, nothing written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import copy
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from accounts.models import Athlete, CoachLink, Consent, Purpose
from accounts.scope import links_that_hold, require
from common.context import register_service, unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible, WrongState
from common.models import SubjectKey
from experiments.configuration import Configuration
from experiments.documents import configuration_of, draft_of, protocol_of
from experiments.lifecycle import State
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentAssignment
from experiments.parameters import PARAMETERS
from experiments.policies import MANAGE, Actor
from experiments.preview import (
    Candidate,
    Check,
    Other,
    Preview,
    Sensitivity,
    Source,
    Unknown,
    arrivals,
    background,
    blocker,
    draw,
    preview,
    sensitivity,
    taken,
)
from experiments.preview.sensitivity import LOOK_BACK, span_of
from experiments.protocol import Protocol
from experiments.services.assign import OWN, own_attributes
from experiments.services.running import begin_of, not_closed_ahead, not_over_others

PREVIEW = register_service("experiment-preview")
LIVE = (State.RUNNING.value, State.PAUSED.value)


def preview_experiment(*, key: str, acting_user: Actor) -> Preview:
    """Return whom a draft would take, what it could show and what stands against its start, as of now.

    Reads as a service: who manages experiments need not see athletes, and gets counts alone.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such experiment.
        WrongState: it is no draft any more.
    """
    require(acting_user, MANAGE)
    with unit_of_work(PREVIEW, read_only=True):
        experiment = Experiment.objects.filter(key=key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {key}.")
        if experiment.status != State.DRAFT:
            raise WrongState(f"This experiment is {experiment.status}; only a draft has a preview.")
        return _previewed(experiment, database_now())


def preview_fields(*, key: str, fields: Mapping[str, Any], acting_user: Actor) -> Preview:
    """Return the preview of a draft that is not written yet; fields as `create_experiment` takes them.

    Raises:
        NotPermitted: not the role's.
    """
    require(acting_user, MANAGE)
    with unit_of_work(PREVIEW, read_only=True):
        return _previewed(Experiment(key=key, **fields), database_now())


def _previewed(experiment: Experiment, now: datetime) -> Preview:
    refused: list[Check] = []
    configuration = _configuration(experiment, now, refused)
    protocol = _tried("Question", refused, lambda: protocol_of(experiment))
    is_example = configuration is None or configuration.start_at <= now
    if configuration is None:
        why = Unknown("the draft has mistakes")
        return Preview(now, now, is_example, (), False, protocol, None, (), why, tuple(refused))
    parameter, frozen = protocol.parameter if protocol else "", configuration
    _tried("Roster", refused, lambda: not_closed_ahead(frozen, now))
    _tried("Other experiments", refused, lambda: not_over_others(experiment, frozen.slice, parameter))
    others = _others(experiment)
    candidates = _candidates([other.key for other in others])
    drawn = draw(configuration, candidates)
    mine = taken(drawn)
    clusters = {one.id: one.cluster for one in candidates if one.id in mine}
    return preview(
        configuration,
        protocol,
        candidates,
        drawn,
        others=others,
        seen=_sensitivity(configuration, protocol, clusters, now),
        refused=refused,
        own=OWN,
        at=now,
        is_example=is_example,
    )


def _configuration(experiment: Experiment, now: datetime, refused: list[Check]) -> Configuration | None:
    """Return what the start would freeze; without its end where that is over, so that the rest can be shown."""
    endless = copy(experiment)
    endless.end_at = None
    for draft in (experiment, endless):
        read = partial(draft_of, draft, start_at=begin_of(draft, now), phase=1)
        found: Configuration | None = _tried("Draft", refused, read)
        if found is not None:
            return found
        if experiment.end_at is None:
            break
    return None


def _tried(lead: str, refused: list[Check], ask: Callable[[], Any]) -> Any:
    """Return what is asked for; where the start would refuse it, keep every reason and return None."""
    try:
        return ask()
    except InvalidInput as error:
        for detail in [one["detail"] for one in error.errors] or [error.detail]:
            check = blocker(lead, detail.rstrip("."))
            if check not in refused:
                refused.append(check)
        return None


def _others(experiment: Experiment) -> list[Other]:
    """Return the experiments that run or are paused, as their newest phases have them."""
    found = []
    live = Experiment.objects.filter(status__in=LIVE).exclude(pk=experiment.pk).prefetch_related("phases")
    for other in live.order_by("key"):
        phase = max(other.phases.all(), key=lambda one: one.number, default=None)
        part = configuration_of(phase, other.status).slice if phase else None
        found.append(Other(other.key, other.name, other.status, part, other.protocol.get("parameter") or ""))
    return found


def _candidates(others: list[str]) -> list[Candidate]:
    """Return everybody who is not erased, in five reads whatever their number."""
    word = dict(Consent.objects.filter(purpose=Purpose.EXPERIMENTS).values_list("athlete_id", "granted"))
    coaches: dict[UUID, UUID] = {}
    links = CoachLink.objects.filter(links_that_hold()).order_by("active_from", "pk")
    for athlete, coach in links.values_list("athlete_id", "coach_id"):
        coaches.setdefault(athlete, coach)  # the first link, as exposures take it
    live: defaultdict[UUID, set[str]] = defaultdict(set)
    rows = ExperimentAssignment.objects.filter(experiment__key__in=others, is_holdout=False).order_by()
    for subject, key in rows.values_list("subject_id", "experiment__key"):
        live[subject].add(key)
    erased = SubjectKey.objects.filter(subject_id=OuterRef("pk"), destroyed_at__isnull=False)
    return [
        Candidate(
            str(athlete.pk),
            own_attributes(athlete),
            word.get(athlete.pk),
            str(coaches.get(athlete.pk, athlete.pk)),
            frozenset(live[athlete.pk]),
        )
        for athlete in Athlete.objects.exclude(Exists(erased)).only("pk", *OWN).order_by("pk")
    ]


def _sensitivity(
    configuration: Configuration, protocol: Protocol | None, clusters: Mapping[str, str], now: datetime
) -> Sensitivity | Unknown:
    if protocol is None:
        return Unknown("what is asked has mistakes or is not written yet")
    if not clusters:
        return Unknown("nobody would be in it")
    metric, subjects = METRICS.get(protocol.primary), [UUID(key) for key in clusters]
    reach = max(span_of(metric.measure) + metric.measure.before, LOOK_BACK)
    facts = list(metric.read(subjects, now - reach, now))
    found = background(metric.measure, facts, clusters, until=now)
    if isinstance(found, Unknown):
        return found
    parameter = PARAMETERS.find(protocol.parameter)
    if parameter is not None and parameter.uses is not None:
        facts, source = list(parameter.uses(subjects, now - LOOK_BACK, now)), Source.USES
    else:
        source = Source.AT_ONCE if configuration.closed else Source.FACTS
    return sensitivity(
        found,
        arrivals(facts, clusters, source=source, until=now),
        protocol,
        metric.measure,
        shares=dict(configuration.arms),
        days=(configuration.end_at - configuration.start_at).days if configuration.end_at else None,
    )
