"""Hold a lease: a conditional UPDATE by the database's clock, so that of several processes exactly one leads.

Not an advisory lock: a holder that is paused keeps its session, and with it such a lock, for as long as it likes
(docs/decisions/0012-beat.md).
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Case, F, Q, Value, When

from common.database_time import database_now
from common.models import Lease


def hold(name: str, holder: str, seconds: float) -> int | None:
    """Take or renew the lease for `seconds`; return its term, or None where somebody else holds it.

    Whoever lost it and took it again finds another term.
    """
    now = database_now()
    until = now + timedelta(seconds=seconds)
    if not Lease.objects.filter(pk=name).exists():
        Lease.objects.bulk_create([Lease(name=name, holder="", term=0, expires_at=now)], ignore_conflicts=True)
    mine = Q(holder=holder, expires_at__gt=now)
    taken = Lease.objects.filter(mine | Q(expires_at__lte=now), pk=name).update(
        term=Case(When(mine, then=F("term")), default=F("term") + Value(1)), holder=holder, expires_at=until
    )
    return Lease.objects.values_list("term", flat=True).get(pk=name) if taken else None


def release(name: str, holder: str) -> None:
    """End the lease now, if it is still this holder's."""
    Lease.objects.filter(pk=name, holder=holder).update(expires_at=database_now())
