"""Recording what an athlete agrees to."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from accounts.models import Consent, Purpose, User
from accounts.scope import athlete_for
from audit.services import record
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput
from common.registries import Registry
from telemetry.services import emit
from telemetry.services.forget import forget_experiments

# Filled by apps above: called with athlete and purpose where consent is withdrawn, in the transaction of that change.
WITHDRAWN: Registry[Callable[[UUID, str], None]] = Registry("consent withdrawn")


def record_consent(
    *, athlete_id: UUID, purpose: str, granted: bool, text_version: str, acting_user: User | ServiceIdentity
) -> Consent:
    """Store an athlete's answer for a purpose; the history keeps every earlier one.

    Who withdraws from experiments is forgotten in what telemetry says of them (`telemetry.services.forget`), and apps
    above are told of every withdrawal (`WITHDRAWN`).

    Raises:
        NotVisible, NotPermitted: as `athlete_for`.
        InvalidInput: an unknown purpose.
    """
    with unit_of_work(acting_user):
        athlete = athlete_for(acting_user, "consent:record", athlete_id, lock=True)
        if purpose not in Purpose.values:
            raise InvalidInput(f"purpose must be one of {', '.join(Purpose.values)}.", pointer="/purpose")
        consent = Consent.objects.filter(athlete=athlete, purpose=purpose).first()
        consent = consent or Consent(athlete=athlete, purpose=purpose)
        consent.granted, consent.text_version = granted, text_version
        consent.save()
        metadata = {"purpose": purpose, "text_version": text_version, "granted": granted}
        record("consent.record", target_id=consent.pk, subject_id=athlete.pk, metadata=metadata)
        told = {"athlete": athlete.pk, "purpose": purpose, "granted": granted}
        emit("consent.recorded", aggregate_id=athlete.pk, data=told)
        if purpose == Purpose.EXPERIMENTS and not granted:
            forget_experiments(athlete.pk)
        for _, tell in WITHDRAWN.items() if not granted else ():
            tell(athlete.pk, purpose)
        return consent
