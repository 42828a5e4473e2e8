"""Incidents: opened by a rollback or a kill, told as a timeline, closed by people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.scope import require
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from rollout.errors import IncidentOpen
from rollout.models import Flag, Incident, IncidentEntry, IncidentStatus, Rollout
from rollout.policies import Actor, word_for
from rollout.services.updates import tell_incident

logger = logging.getLogger("mesocycle.rollout")


def open_incident(
    flag: Flag, *, title: str, evidence: dict[str, Any], acting_user: Actor, rollout: Rollout | None = None
) -> Incident:
    """Open an incident with the evidence as it stands now; runs inside the caller's unit of work."""
    incident = Incident.objects.create(
        flag=flag,
        rollout=rollout,
        title=title[:200],
        automatic=isinstance(acting_user, ServiceIdentity) and acting_user.name == "rollout",
        evidence_json=evidence,
    )
    metadata = {"key": flag.name, "title": title[:200], "rollout_id": str(rollout.pk) if rollout else None}
    record("rollout.incident_open", target_id=incident.pk, metadata=metadata)
    _tell(incident, title, acting_user)
    in_any_case(lambda: tell_incident(incident=incident))
    return incident


def nothing_in_the_way(flag: Flag) -> None:
    """Refuse a new run while the last one's end is not dealt with.

    Raises:
        IncidentOpen: an incident that nobody has acknowledged, or a cool-down that is not over.
    """
    open_ones = Incident.objects.filter(flag=flag, status=IncidentStatus.OPEN)
    if open_ones.exists():
        raise IncidentOpen(f"“{open_ones.first()}” was not acknowledged.")
    last = Rollout.objects.filter(flag=flag, cool_down_until__gt=clock.now()).first()
    if last is not None:
        raise IncidentOpen(f"The cool-down lasts until {last.cool_down_until:%Y-%m-%d %H:%M} UTC.")


def in_any_case(tell: Callable[[], None]) -> None:
    """Tell people, and go on if that fails: a rollback is never held up by a message about it."""
    try:
        with transaction.atomic():
            tell()
    except Exception:
        logger.exception("message_not_written")


def add_entry(*, incident_id: UUID, text: str, acting_user: Actor) -> IncidentEntry:
    """Add a line to an incident's timeline.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such incident.
        InvalidInput: no text.
    """
    with unit_of_work(acting_user):
        incident = _managed(incident_id, acting_user)
        if not text.strip():
            raise InvalidInput("Say what happened.", pointer="/text")
        record("rollout.incident_entry", target_id=incident.pk, metadata={"text": text})
        return _tell(incident, text, acting_user)


def acknowledge_incident(*, incident_id: UUID, cause: str, acting_user: Actor) -> Incident:
    """Say that somebody knows, and what the cause is as far as it is known; a new run of the flag may be asked for.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such incident.
        InvalidInput: no cause.
        WrongState: it was acknowledged already.
    """
    with unit_of_work(acting_user):
        incident = _managed(incident_id, acting_user)
        if incident.status != IncidentStatus.OPEN:
            raise WrongState("This incident was acknowledged already.")
        if not cause.strip():
            raise InvalidInput("Say what the cause is, as far as it is known.", pointer="/cause")
        incident.status, incident.cause = IncidentStatus.ACKNOWLEDGED, cause.strip()
        incident.acknowledged_by_id, incident.acknowledged_at = actor_id(acting_user), clock.now()
        return _saved(incident, "acknowledged", f"Acknowledged: {cause.strip()}", acting_user)


def close_incident(*, incident_id: UUID, cause: str, follow_up: str, acting_user: Actor) -> Incident:
    """Close an incident with its cause and what is done so that it does not come back.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such incident.
        InvalidInput: no cause or no follow-up.
        WrongState: nobody acknowledged it, or it is closed already.
    """
    with unit_of_work(acting_user):
        incident = _managed(incident_id, acting_user)
        if incident.status != IncidentStatus.ACKNOWLEDGED:
            raise WrongState("An incident is acknowledged first and closed once.")
        for name, text in (("cause", cause), ("follow_up", follow_up)):
            if not text.strip():
                raise InvalidInput(f"A closed incident has a {name.replace('_', '-')}.", pointer=f"/{name}")
        incident.status, incident.closed_at = IncidentStatus.CLOSED, clock.now()
        incident.cause, incident.follow_up = cause.strip(), follow_up.strip()
        return _saved(incident, "closed", f"Closed. Follow-up: {follow_up.strip()}", acting_user)


def _managed(incident_id: UUID, acting_user: Actor) -> Incident:
    require(acting_user, "rollout:manage")
    incident = Incident.objects.select_for_update(of=("self",)).filter(pk=incident_id).first()
    if incident is None:
        raise NotVisible("There is no such incident.")
    return incident


def _saved(incident: Incident, status: str, text: str, acting_user: Actor) -> Incident:
    incident.save()
    record("rollout.incident_change", target_id=incident.pk, metadata={"status": status, "text": text})
    _tell(incident, text, acting_user)
    in_any_case(lambda: tell_incident(incident=incident))
    return incident


def _tell(incident: Incident, text: str, acting_user: Actor) -> IncidentEntry:
    who = word_for(acting_user)
    return IncidentEntry.objects.create(
        incident=incident, at=clock.now(), actor_id=actor_id(acting_user), actor=who, text=text
    )
