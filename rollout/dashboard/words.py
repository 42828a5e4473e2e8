"""Numbers, times and states as operators read them, in the language at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext, pgettext

from common.spans import span
from common.translating.showing import number, shown
from rollout.evaluation import TIERS_THAT_SATISFY
from rollout.gates.evidence import Outcome
from rollout.lifecycle import State
from rollout.policy.model import Stage

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Pill:
    """An icon, a word and a tone: never colour alone. The word is kept in English and read in the language at hand."""

    icon: str
    english: str
    tone: str  # good, wait, bad, run, none, nodata

    @property
    def word(self) -> str:
        return _in_context(self.english) or shown(self.english)

    @property
    def small(self) -> str:
        """The word within a sentence: nouns of German keep their capital."""
        return _in_context(self.english.lower()) or shown(self.english.lower())


def _in_context(word: str) -> str:
    """Return the words that coaches' pages use in another sense, "" for any other."""
    match word:
        case "Running":
            return pgettext("rollout", "Running")
        case "running":
            return pgettext("rollout", "running")
    return ""


OUTCOMES: Final[dict[Outcome, Pill]] = {
    Outcome.PASS: Pill("check_circle", "Pass", "good"),
    Outcome.INCONCLUSIVE: Pill("hourglass_top", "Inconclusive", "wait"),
    Outcome.FAIL: Pill("cancel", "Fail", "bad"),
    Outcome.NO_DATA: Pill("block", "No data", "nodata"),
}
STATES: Final[dict[State, Pill]] = {
    State.DRAFT: Pill("edit_note", "Asked for", "none"),
    State.SCHEDULED: Pill("schedule", "Scheduled", "none"),
    State.RUNNING: Pill("play_circle", "Running", "run"),
    State.HOLDING: Pill("hourglass_top", "Waiting", "wait"),
    State.PAUSED: Pill("pause_circle", "On hold", "wait"),
    State.COMPLETED: Pill("check", "Complete", "good"),
    State.ROLLING_BACK: Pill("undo", "Rolling back", "bad"),
    State.ROLLED_BACK: Pill("undo", "Rolled back", "bad"),
}
KILLED: Final = Pill("power_settings_new", "Killed", "bad")
OFF: Final = Pill("toggle_off", "Off", "none")
ON: Final = Pill("toggle_on", "On", "none")


def tiers() -> tuple[tuple[str, str], ...]:
    """Return what a flag may ask for, each with the tiers that have it."""
    found = [("", gettext("Every tier"))]
    for tier, has in TIERS_THAT_SATISFY.items():
        names = ", ".join(shown(name) for name in sorted(has))
        found.append((tier, gettext("%(tier)s (for %(tiers)s)") % {"tier": shown(tier.capitalize()), "tiers": names}))
    return tuple(found)


def percent(thousandths: int) -> str:
    """Return thousandths of a percent as text: 100 is "0.1 %"."""
    return f"{number(thousandths / 1000)} %"


def reach(stage: Stage) -> str:
    """Return whom a stage reaches, in a word or two."""
    if not stage.has_traffic:
        return "0 %"
    return percent(stage.thousandths) if stage.thousandths else gettext("Allowlist")


def share(value: float | None, digits: int = 1) -> str:
    """Return a share (0 to 1) in per cent."""
    return NOTHING if value is None else f"{number(100 * value, digits)} %"


def milliseconds(value: float | None) -> str:
    """Return a latency; seconds from one second on."""
    if value is None:
        return NOTHING
    return f"{number(value / 1000, 2)} s" if value >= 1000 else f"{number(value, 0)} ms"


def count(value: int) -> str:
    """Return a count with its thousands apart."""
    return str(number_format(value, force_grouping=True))


def part_of(elapsed: timedelta, whole: timedelta) -> str:
    """Return how much of a stage is over, in the unit of the whole: 31 of 48 h, 4.7 of 6 d."""
    if whole >= timedelta(days=3):
        return parts(number(elapsed / timedelta(days=1), 1), f"{number(whole / timedelta(days=1))} d")
    if whole >= timedelta(hours=5):
        return parts(number(elapsed / timedelta(hours=1), 0), f"{number(whole / timedelta(hours=1))} h")
    return parts(span(elapsed), span(whole))


def parts(part: object, whole: object) -> str:
    """Return "3 of 5"."""
    return gettext("%(part)s of %(whole)s") % {"part": part, "whole": whole}


def moment(at: datetime | None) -> str:
    """Return a time, UTC, to the minute."""
    return _at(at, gettext("j M H:i"))


def exactly(at: datetime | None) -> str:
    """Return a time, UTC, to the second."""
    return _at(at, gettext("j M H:i:s"))


def _at(at: datetime | None, form: str) -> str:
    return str(date_format(at.astimezone(UTC), form)) if at else NOTHING


def shortly(names: Sequence[str]) -> str:
    """Return up to three names, and how many more there are."""
    first, more = ", ".join(names[:3]), len(names) - 3
    if more <= 0:
        return first
    return gettext("%(names)s and %(n)s more") % {"names": first, "n": more}
