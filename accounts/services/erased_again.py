"""Erasing again, in a database that was restored from before, whoever was erased since."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from accounts.ledger import Erasure
from accounts.models import Athlete, ErasureRequest, ErasureState
from accounts.services.erasure import erase_restored
from audit.models import AuditEvent
from common.context import COMMAND_LINE, unit_of_work
from common.errors import DomainError


@dataclass(frozen=True)
class Again:
    """How many were erased again, how many are not in this database, and of whom it could not be done and why."""

    erased: int = 0
    unknown: int = 0
    faults: list[str] = field(default_factory=list)


def erase_again(listed: Iterable[Erasure]) -> Again:
    """Erase those on the list, and those whose erasure the audit log tells of, who are not erased in this database."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        logged = AuditEvent.objects.filter(action="erasure.execute").values_list("subject_id", flat=True)
        wanted = {pk for pk in logged if pk} | {erasure.athlete_id for erasure in listed}
        here = set(Athlete.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        done = ErasureRequest.objects.filter(athlete_id__in=here, state=ErasureState.DONE)
        due = here - set(done.values_list("athlete_id", flat=True))
    faults = [fault for pk in sorted(due) if (fault := _erase(pk))]
    return Again(len(due) - len(faults), len(wanted - here), faults)


def _erase(athlete_id: UUID) -> str | None:
    try:
        erase_restored(athlete_id=athlete_id)
    except DomainError as error:
        return f"athlete {athlete_id} was erased after the backup and is not now: {error.detail}"
    return None
