"""What a page is asked for: whole weeks, a variant, a sport. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

WEEK: Final = timedelta(days=7)
SPANS: Final = {"4": "4 w", "12": "12 w", "all": "All"}
DEFAULT: Final = "12"
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """Weeks from `start` (a Monday) up to the Monday `until`, which is not among them.

    span: which of `SPANS` that is, blank for days of one's own. arm: an experiment's key, or `key:variant`; blank: all.
    by: whether variants or pipelines stand beside each other. is_wrong: what was asked for made no sense.
    """

    start: date
    until: date
    span: str = DEFAULT
    arm: str = ""
    sport: str = ""
    by: str = "variant"
    is_wrong: bool = False

    @property
    def weeks(self) -> list[date]:
        """Return the Mondays, the oldest first."""
        return [self.start + WEEK * i for i in range((self.until - self.start).days // 7)]

    @property
    def last_week(self) -> date:
        """Return the Monday of the last week."""
        return self.until - WEEK

    @property
    def last_day(self) -> date:
        return self.until - timedelta(days=1)

    def parameters(self) -> dict[str, Any]:
        """Return what queries bind."""
        return {"start": self.start, "until": self.until, "arm": self.arm, "sport": self.sport}

    def address(self, **changed: str) -> dict[str, str]:
        """Return the query of an address that asks for the same, but for what is changed."""
        own = {"span": self.span} if self.span else {"from": str(self.start), "to": str(self.last_day)}
        if "span" in changed:
            own = {}
        return {key: value for key, value in {**own, **self._filters(), **changed}.items() if value}

    def _filters(self) -> dict[str, str]:
        return {"arm": self.arm, "sport": self.sport, "by": "" if self.by == "variant" else self.by}


def asked_of(given: Mapping[str, str], *, as_of: datetime, oldest: date | None) -> Asked:
    """Read an address; numbers are complete up to `as_of` and begin at `oldest`.

    Days are widened to whole weeks. What makes no sense is left out, and said.
    """
    until = monday(as_of.astimezone(UTC).date())
    first = min(monday(oldest), until - WEEK) if oldest else until - WEEK
    span = given.get("span", "")
    start, is_wrong = until - WEEK * int(DEFAULT), False
    if given.get("from") or given.get("to"):
        span, start, until, is_wrong = _own_days(given, first, until)
    elif span == "all":
        start = first
    elif span in SPANS:
        start = until - WEEK * int(span)
    else:
        span, is_wrong = DEFAULT, bool(span)
    arm, sport = (given.get(name, "").strip()[:_LONGEST] for name in ("arm", "sport"))
    by = "pipeline" if given.get("by") == "pipeline" else "variant"
    return Asked(start, until, span, arm, sport, by, is_wrong)


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _own_days(given: Mapping[str, str], first: date, until: date) -> tuple[str, date, date, bool]:
    """Return days within what there is; the usual weeks where they are no days, or end before they begin."""
    try:
        start = monday(date.fromisoformat(given["from"])) if given.get("from") else first
        end = monday(date.fromisoformat(given["to"])) + WEEK if given.get("to") else until
    except (ValueError, OverflowError):
        return DEFAULT, until - WEEK * int(DEFAULT), until, True
    start, end = max(start, first), min(end, until)
    if start >= end:
        return DEFAULT, until - WEEK * int(DEFAULT), until, True
    return "", start, end, False
