"""Which flags outlived their purpose, and why. Pure.

Two signs (design, "Gates"): at 100 % for 30 days, or not evaluated for 30. An evaluation is counted only while a run
measures the flag; where none does, that is said, and nobody concludes from silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

STALE_AFTER: Final = timedelta(days=30)
NOT_MEASURED: Final = "not measured"


@dataclass(frozen=True, slots=True)
class FlagAge:
    """What is known of a flag's time; UTC.

    full_since: since when it is on at 100 % without a break. measured_since: since when a run counts its answers, None
    where none does now. last_answer: the newest answer that was counted under any run.
    """

    key: str
    full_since: datetime | None = None
    measured_since: datetime | None = None
    last_answer: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A flag with the reasons for which it is stale (none: it is not), and what is known of its use, in words."""

    key: str
    reasons: tuple[str, ...]
    use: str

    @property
    def is_stale(self) -> bool:
        return bool(self.reasons)


def finding(flag: FlagAge, at: datetime) -> Finding:
    """Return whether a flag is stale at a moment, and why."""
    reasons = []
    if flag.retired_at is not None:
        reasons.append(f"retired {_days(at - flag.retired_at)} ago: its code can go")
    if flag.full_since is not None and at - flag.full_since >= STALE_AFTER:
        reasons.append(f"at 100 % for {_days(at - flag.full_since)}")
    idle = _idle_since(flag)
    if idle is not None and at - idle >= STALE_AFTER:
        reasons.append(f"no answer counted for {_days(at - idle)}")
    return Finding(flag.key, tuple(reasons), _use(flag, at))


def findings(flags: Iterable[FlagAge], at: datetime) -> list[Finding]:
    """Return a finding a flag, the stale ones first."""
    return sorted((finding(flag, at) for flag in flags), key=lambda found: (not found.is_stale, found.key))


def _idle_since(flag: FlagAge) -> datetime | None:
    """Return since when nothing was counted although somebody did count."""
    if flag.measured_since is None:
        return None
    return max(flag.measured_since, flag.last_answer or flag.measured_since)


def _use(flag: FlagAge, at: datetime) -> str:
    if flag.last_answer is None:
        return NOT_MEASURED if flag.measured_since is None else f"no answer in {_days(at - flag.measured_since)}"
    newest = f"newest counted answer {_days(at - flag.last_answer)} ago"
    return newest if flag.measured_since is not None else f"{newest}; {NOT_MEASURED} now"


def _days(span: timedelta) -> str:
    return f"{span.days} day{'s' if span.days != 1 else ''}"
