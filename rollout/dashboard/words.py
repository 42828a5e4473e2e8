"""Numbers, times and states as operators read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from common.spans import span
from rollout.evaluation import TIERS_THAT_SATISFY
from rollout.gates.evidence import Outcome
from rollout.lifecycle import State
from rollout.policy.model import Stage

NOTHING: Final = "–"


@dataclass(frozen=True, slots=True)
class Pill:
    """An icon, a word and a tone: never colour alone."""

    icon: str
    word: str
    tone: str  # good, wait, bad, run, none, nodata


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
TIERS: Final = (
    ("", "Every tier"),
    *((tier, f"{tier.capitalize()} (for {', '.join(sorted(has))})") for tier, has in TIERS_THAT_SATISFY.items()),
)
"""What a flag may ask for, each with the tiers that have it."""
KILLED: Final = Pill("power_settings_new", "Killed", "bad")
OFF: Final = Pill("toggle_off", "Off", "none")
ON: Final = Pill("toggle_on", "On", "none")


def percent(thousandths: int) -> str:
    """Return thousandths of a percent as text: 100 is "0.1 %"."""
    return f"{thousandths / 1000:g} %"


def reach(stage: Stage) -> str:
    """Return whom a stage reaches, in a word or two."""
    if not stage.has_traffic:
        return "0 %"
    return percent(stage.thousandths) if stage.thousandths else "Allowlist"


def share(value: float | None, digits: int = 1) -> str:
    """Return a share (0 to 1) in per cent."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def milliseconds(value: float | None) -> str:
    """Return a latency; seconds from one second on."""
    if value is None:
        return NOTHING
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"


def count(value: int) -> str:
    return f"{value:,}"


def part_of(elapsed: timedelta, whole: timedelta) -> str:
    """Return how much of a stage is over, in the unit of the whole: 31 of 48 h, 4.7 of 6 d."""
    if whole >= timedelta(days=3):
        return f"{elapsed / timedelta(days=1):.1f} of {whole / timedelta(days=1):g} d"
    if whole >= timedelta(hours=5):
        return f"{elapsed / timedelta(hours=1):.0f} of {whole / timedelta(hours=1):g} h"
    return f"{span(elapsed)} of {span(whole)}"


def moment(at: datetime | None) -> str:
    """Return a time, UTC, to the minute."""
    return f"{at.astimezone(UTC):%-d %b %H:%M}" if at else NOTHING


def exactly(at: datetime | None) -> str:
    """Return a time, UTC, to the second."""
    return f"{at.astimezone(UTC):%-d %b %H:%M:%S}" if at else NOTHING


def shortly(names: Sequence[str]) -> str:
    """Return up to three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
