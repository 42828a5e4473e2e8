"""Telling the warehouse what there is a target for and no route has (H6): how long answers took, caches, availability.

One event an hour. Probes that reach the database later than five minutes after their hour are not in it: a prober that
was cut off from the database writes when the database is back, and no hour is told before that.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from django.db.models import Count, Min, Q, Sum

from common import clock
from common.context import unit_of_work
from common.models import ProcessSample, RequestRollup
from telemetry.models import AvailabilityProbe
from telemetry.monitored import cache_counts
from telemetry.services.emit import emit
from telemetry.services.measure import GRACE, HOUR, MEASURING, claim, hour_of, measure_due, newest_told

OBSERVED: Final = "service.observed"
OBSERVATIONS: Final = frozenset(
    {"hour", "requests", "total_ms", "cache_hits", "cache_misses", "probes", "probes_answered"}
)
SERVICE: Final = uuid5(NAMESPACE_URL, "urn:mesocycle:service")
"""The aggregate of these events, the same everywhere and for ever."""
# Any number will do, as long as everybody who tells asks for the same one and nobody else does.
_LOCK: Final = 0x6F627365_72766564
_SOURCES: Final = ((RequestRollup, "minute"), (ProcessSample, "at"), (AvailabilityProbe, "minute"))


def tell_due() -> None:
    """Tell how the service did in the hours that are over, by route and as a whole."""
    measure_due()
    observe_due()


def observe_due() -> int:
    """Tell every whole hour of which something is known and which was not told yet; return how many those were."""
    hours = 0
    while _tell_next():
        hours += 1
    return hours


def _tell_next() -> bool:
    until = hour_of(clock.now() - GRACE)
    with unit_of_work(MEASURING):
        if not claim(_LOCK):
            return False
        hour = _oldest_untold(newest_told(OBSERVED), until)
        if hour is None:
            return False
        emit(OBSERVED, aggregate_id=SERVICE, data=_data(hour))
        return True


def _oldest_untold(told: datetime | None, until: datetime) -> datetime | None:
    found = []
    for model, column in _SOURCES:
        rows = model._default_manager.filter(**{f"{column}__lt": until})
        if told is not None:
            rows = rows.filter(**{f"{column}__gte": told + HOUR})
        found.append(rows.order_by().aggregate(first=Min(column))["first"])
    moments = [moment for moment in found if moment is not None]
    return hour_of(min(moments)) if moments else None


def _data(hour: datetime) -> dict[str, Any]:
    end = hour + HOUR
    requests = RequestRollup.objects.filter(minute__gte=hour, minute__lt=end).order_by()
    asked = requests.aggregate(requests=Sum("count", default=0), total_ms=Sum("total_ms", default=0.0))
    samples = ProcessSample.objects.filter(at__gte=hour, at__lt=end).order_by().values_list("caches_json", flat=True)
    caches = cache_counts(samples.iterator()).values()
    probes = AvailabilityProbe.objects.filter(minute__gte=hour, minute__lt=end).order_by()
    seen = probes.aggregate(probes=Count("pk"), probes_answered=Count("pk", filter=Q(is_up=True)))
    return {
        "hour": hour.isoformat(),
        **asked,
        "cache_hits": sum(hits for hits, _ in caches),
        "cache_misses": sum(misses for _, misses in caches),
        **seen,
    }
