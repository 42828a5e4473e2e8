"""Writing down what probers saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from common.context import register_service, unit_of_work
from common.errors import InvalidInput
from telemetry.models import AvailabilityProbe
from telemetry.probing import Seen

PROBER: Final = register_service("availability-probe")
LONGEST: Final = 60


def record_probes(name: str, seen: Sequence[Seen]) -> int:
    """Write down what a prober saw, and return how many minutes were new; a minute counts once for each name.

    Raises:
        InvalidInput: a name that is blank or longer than 60 characters.
    """
    if not name.strip() or len(name) > LONGEST:
        raise InvalidInput(f"A prober's name has 1 to {LONGEST} characters.", pointer="/name")
    rows = [
        AvailabilityProbe(
            name=name, minute=one.minute, is_up=one.is_up, milliseconds=one.milliseconds, failure=one.failure[:100]
        )
        for one in seen
    ]
    with unit_of_work(PROBER):
        before = AvailabilityProbe.objects.filter(name=name, minute__in=[one.minute for one in seen]).count()
        AvailabilityProbe.objects.bulk_create(rows, ignore_conflicts=True)
    return len({one.minute for one in seen}) - before
