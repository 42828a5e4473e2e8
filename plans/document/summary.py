"""What an edit comes to, in numbers and in one sentence: volume, load, intensity, swaps, moves, reasons (A13)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from plans.document.content import Content, Entry, minutes
from plans.document.diff import SessionChange, Texts, session_changes

LEAST_PERCENT: Final = 1.0
"""Changes of volume and load below this share get no badge."""


@dataclass(frozen=True)
class Summary:
    """`volume` and `load` have before, after and percent (None where there was nothing before); minutes, TSS."""

    sessions: dict[str, int]
    volume: dict[str, float | None]
    load: dict[str, float | None]
    weeks: list[dict[str, Any]] = field(default_factory=list)
    intensity: dict[str, dict[str, float]] = field(default_factory=dict)
    swaps: list[dict[str, Any]] = field(default_factory=list)
    moved: list[dict[str, Any]] = field(default_factory=list)
    dropped: list[dict[str, Any]] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    badges: list[str] = field(default_factory=list)
    sentence: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summarise(
    before: Content, after: Content, *, reasons: Iterable[str] = (), brief: bool = False, texts: Texts | None = None
) -> Summary:
    """Return what leads from one document to the other; `reasons` are the codes given with the edits.

    `brief`: without the tables by week and by intensity. `texts`: as for `session_changes`.
    """
    changes = session_changes(before, after, texts)
    moved = [_moved(c) for c in changes if _is_move(c)]
    counts = Counter(change.change for change in changes)
    old, new = before["sessions"].values(), after["sessions"].values()
    volume = _shift(sum(map(minutes, old)), sum(map(minutes, new)))
    load = _shift(sum(e["load"] for e in old), sum(e["load"] for e in new))
    sessions = {
        "added": counts["added"],
        "removed": counts["removed"],
        "replaced": counts["replaced"],
        "moved": len(moved),
    }
    return Summary(
        sessions=sessions,
        volume={"before_min": volume[0], "after_min": volume[1], "percent": volume[2]},
        load={"before": load[0], "after": load[1], "percent": load[2]},
        weeks=[] if brief else _weeks(before, after),
        intensity={} if brief else {"before": _mix(old), "after": _mix(new)},
        swaps=[_swap(c) for c in changes if _is_swap(c)],
        moved=moved,
        dropped=[
            {"session_id": c.session_id, "day": c.before["day"], "title": c.before["title"]}
            for c in changes
            if c.before is not None and c.after is None
        ],
        reasons=dict(Counter(reason for reason in reasons if reason)),
        badges=_badges(volume[2], load[2], sessions, changes),
        sentence=_sentence(volume, sessions),
    )


def _shift(before: float, after: float) -> tuple[float, float, float | None]:
    percent = round(100 * (after - before) / before, 1) if before else None
    return round(before, 1), round(after, 1), percent


def _is_move(change: SessionChange) -> bool:
    return change.before is not None and change.after is not None and change.before["day"] != change.after["day"]


def _is_swap(change: SessionChange) -> bool:
    if change.before is None or change.after is None:
        return False
    return (change.before["title"], change.before["kind"]) != (change.after["title"], change.after["kind"])


def _moved(change: SessionChange) -> dict[str, Any]:
    assert change.before is not None
    assert change.after is not None
    days = {"from": change.before["day"], "to": change.after["day"]}
    return {"session_id": change.session_id, **days, "title": change.after["title"]}


def _swap(change: SessionChange) -> dict[str, Any]:
    assert change.before is not None
    assert change.after is not None
    titles = {"before": change.before["title"], "after": change.after["title"]}
    return {"session_id": change.session_id, "day": change.after["day"], **titles}


def _weeks(before: Content, after: Content) -> list[dict[str, Any]]:
    """Return the weeks whose minutes or load changed, by their Monday."""
    table: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for offset, content in enumerate((before, after)):
        for entry in content["sessions"].values():
            row = table[_monday(entry["day"])]
            row[offset] += minutes(entry)
            row[2 + offset] += entry["load"]
    names = ("before_min", "after_min", "before_load", "after_load")
    return [
        {"monday": monday, **{name: round(value, 1) for name, value in zip(names, row, strict=True)}}
        for monday, row in sorted(table.items())
        if round(row[0] - row[1], 1) or round(row[2] - row[3], 1)
    ]


@lru_cache(maxsize=2048)
def _monday(text: str) -> str:
    day = date.fromisoformat(text)
    return (day - timedelta(days=day.weekday())).isoformat()


def _mix(entries: Iterable[Entry]) -> dict[str, float]:
    table: dict[str, float] = defaultdict(float)
    for entry in entries:
        table[entry["kind"]] += minutes(entry)
    return {kind: round(value, 1) for kind, value in sorted(table.items()) if value}


def _badges(
    volume: float | None, load: float | None, sessions: dict[str, int], changes: tuple[SessionChange, ...]
) -> list[str]:
    found = []
    for name, percent in (("Volume", volume), ("Load", load)):
        if percent is not None and abs(percent) >= LEAST_PERCENT:
            found.append(f"{name} {'↑' if percent > 0 else '↓'} {abs(percent):.0f} %")
    for kind, title in (("long", "Long runs and rides"), ("interval", "Intervals"), ("tempo", "Tempo")):
        shift = sum((c.after or {}).get("kind") == kind for c in changes)
        shift -= sum((c.before or {}).get("kind") == kind for c in changes)
        if shift:
            found.append(f"{title} {shift:+d}".replace("-", "\N{MINUS SIGN}"))
    if sessions["moved"]:
        found.append(f"Moved {sessions['moved']}")
    return found


def _sentence(volume: tuple[float, float, float | None], sessions: dict[str, int]) -> str:
    parts = [f"{count} {name}" for name, count in sessions.items() if count and name != "moved"]
    if not parts:
        return "Nothing changed."
    moved = f" ({sessions['moved']} moved)" if sessions["moved"] else ""
    hours = (volume[1] - volume[0]) / 60
    amount = "as many hours as before" if abs(hours) < 0.05 else f"{abs(hours):.1f} h {'more' if hours > 0 else 'less'}"
    return f"Sessions: {', '.join(parts)}{moved}; {amount} in all."
