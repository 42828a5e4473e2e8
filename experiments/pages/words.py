"""States and moments of experiments as data scientists read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from django.utils.translation import pgettext_lazy

from common.translating.showing import day as written
from experiments.lifecycle import State

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Pill(NamedTuple):
    """An icon, a word and a tone of the operators' stylesheet: never colour alone."""

    icon: str
    word: StrOrPromise
    tone: str


RUNNING: Final = pgettext_lazy("status", "Running")
"""By itself it is a sport."""
STATES: Final[dict[State, Pill]] = {
    State.DRAFT: Pill("edit_note", "Draft", "none"),
    State.RUNNING: Pill("play_circle", RUNNING, "run"),
    State.PAUSED: Pill("pause_circle", "Paused", "wait"),
    State.COMPLETE: Pill("check", "Complete", "good"),
}
STOPPED: Final = Pill("front_hand", "Stopped", "bad")
SCHEDULED: Final = Pill("schedule", "Scheduled", "none")


def day(at: datetime, *, before: datetime | None = None) -> str:
    """Return a day, UTC; without the year where one of the same year follows."""
    with_year = before is None or before.astimezone(UTC).year != at.astimezone(UTC).year
    return written(at.astimezone(UTC), "j M Y" if with_year else "j M")


def moment(at: datetime) -> str:
    """Return a time, UTC, to the minute."""
    return written(at.astimezone(UTC), "j M H:i")


def days(length: timedelta) -> str:
    """Return a length of time in whole days, in hours below two days."""
    hours = int(length / timedelta(hours=1))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def percent(weight: float) -> str:
    """Return a weight as people write it, without the sign: 25, 33.333."""
    return f"{weight:.10g}"
