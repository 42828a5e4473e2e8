"""How a person reads the product: language, time zone, units, and how intensity is shown to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.models import Athlete, Role, User
from common import clock

OF_THE_RECORD: Final = ("time_zone", "units")
"""What stands on an athlete's record, whether they log in or not: their days and their units are one truth."""


@dataclass(frozen=True)
class Preferences:
    """What somebody chose; blank follows the browser (language) or the company (`settings.COMPANY_…`)."""

    language: str = ""
    time_zone: str = ""
    units: str = ""
    intensity: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the four by name."""
        return asdict(self)


@dataclass(frozen=True)
class Reader:
    """What holds for somebody now: what they chose, with the company's defaults in the gaps.

    intensity: `pace`, `power` or `heart_rate`; blank shows what the session prescribes.
    """

    language: str
    time_zone: str
    units: str
    intensity: str


def chosen_by(user: User, athlete: Athlete | None = None) -> Preferences:
    """Return what a user chose; an athlete's time zone and units are those of their record (one query unless given)."""
    own = Preferences(user.language, user.time_zone, user.units, user.intensity)
    if user.role != Role.ATHLETE:
        return own
    record = athlete or Athlete.objects.filter(user=user).first()
    if record is None:
        return own
    return Preferences(user.language, record.time_zone, record.units, user.intensity)


def reader_of(user: Any, athlete: Athlete | None = None) -> Reader:
    """Return what holds for a user; the company's defaults for who is not logged in, and for a service."""
    found = chosen_by(user, athlete) if isinstance(user, User) else Preferences()
    return Reader(
        language=found.language or settings.COMPANY_LANGUAGE,
        time_zone=found.time_zone or settings.COMPANY_TIME_ZONE,
        units=found.units or settings.COMPANY_UNITS,
        intensity=found.intensity,
    )


def reader_of_athlete(athlete: Athlete) -> Reader:
    """Return what holds for an athlete, who may have no log-in; reads the log-in (one query unless loaded)."""
    user = athlete.user
    return Reader(
        language=(user.language if user else "") or settings.COMPANY_LANGUAGE,
        time_zone=athlete.time_zone,
        units=athlete.units,
        intensity=user.intensity if user else "",
    )


_reading: ContextVar[Reader | None] = ContextVar("reader", default=None)


def current_reader() -> Reader:
    """Return who reads what is being made; the company's defaults outside `reading_as`."""
    return _reading.get() or reader_of(None)


@contextmanager
def reading_as(reader: Reader) -> Iterator[None]:
    """Make what is made inside for this reader."""
    token = _reading.set(reader)
    try:
        yield
    finally:
        _reading.reset(token)


def now_at(athlete: Athlete) -> datetime:
    """Return the present moment on the athlete's clock."""
    return clock.now().astimezone(ZoneInfo(athlete.time_zone))


def today_of(athlete: Athlete) -> date:
    """Return the athlete's own day: what "today", "past" and "this week" mean for whatever they train."""
    return now_at(athlete).date()
