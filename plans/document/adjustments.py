"""What a coach did to the machine's sessions, session by session, as a model learns it (E1, E4). Pure.

| adjustment | when |
| --- | --- |
| `add` | the session is new |
| `rest` | it was removed, or made a rest |
| `swap` | another kind or modality |
| `move` | another day |
| `volume` | other minutes; other kilometres where the minutes stayed |
| `intensity` | the same kind and volume, but hard minutes, targets, steps or load differ (`plans.document.kinds`) |

A session may have several, but beside `add` and `rest` stands nothing else, and a swap says nothing of intensity. What
touches words alone (title, notes), the key-session mark or the lock is no adjustment; nor is a rest session that goes,
or that becomes another kind of rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from plans.document.content import Content, Entry, minutes
from plans.document.diff import SessionChange, Texts, session_changes
from plans.document.kinds import INTENSITY, VOLUME, changed_kinds

ADD, REST, SWAP, MOVE, INTENSITY_SHIFT = "add", "rest", "swap", "move", "intensity"
ADJUSTMENTS: Final = (VOLUME, SWAP, MOVE, REST, INTENSITY_SHIFT, ADD)


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One adjustment of one session.

    day: as proposed, as added for an added one (ISO 8601). volume_factor: minutes after over before (kilometres where
    the minutes stayed), None unless the volume changed and there was one before. load_factor: planned load after over
    before, None where there was none before. day_shift: days later, None unless it moved.
    """

    session_id: str
    adjustment: str
    day: str
    volume_factor: float | None = None
    load_factor: float | None = None
    day_shift: int | None = None
    from_kind: str | None = None
    to_kind: str | None = None


def adjustments(before: Content, after: Content, texts: Texts | None = None) -> tuple[Adjustment, ...]:
    """Return the adjustments that lead from one document to the other, by session and name.

    `texts`: as for `session_changes`.
    """
    found = [one for change in session_changes(before, after, texts) for one in _of_session(change)]
    return tuple(sorted(found, key=lambda one: (one.session_id, one.adjustment)))


def _of_session(change: SessionChange) -> Iterator[Adjustment]:
    was, now = change.before, change.after
    if was is None:
        assert now is not None
        yield Adjustment(change.session_id, ADD, now["day"], to_kind=now["kind"])
    elif now is None or now["kind"] == REST:
        if was["kind"] != REST:
            factor = _ratio(was["load"], 0.0 if now is None else now["load"])
            kinds = {"from_kind": was["kind"], "to_kind": REST}
            yield Adjustment(change.session_id, REST, was["day"], load_factor=factor, **kinds)
    else:
        yield from _replaced(change.session_id, was, now)


def _replaced(session_id: str, was: Entry, now: Entry) -> Iterator[Adjustment]:
    load = _ratio(was["load"], now["load"])
    kinds = {"from_kind": was["kind"], "to_kind": now["kind"]}
    shift = (date.fromisoformat(now["day"]) - date.fromisoformat(was["day"])).days
    swapped = (was["kind"], was["modality"]) != (now["kind"], now["modality"])
    if swapped:
        yield Adjustment(session_id, SWAP, was["day"], load_factor=load, **kinds)
    if shift:
        yield Adjustment(session_id, MOVE, was["day"], load_factor=load, day_shift=shift, **kinds)
    if was["kind"] == REST:
        return
    changed, factor = _volume(was, now)
    if changed:
        yield Adjustment(session_id, VOLUME, was["day"], volume_factor=factor, load_factor=load, **kinds)
    if not swapped and _is_harder_or_easier(was, now, changed):
        yield Adjustment(session_id, INTENSITY_SHIFT, was["day"], load_factor=load, **kinds)


def _volume(was: Entry, now: Entry) -> tuple[bool, float | None]:
    """Return whether the volume changed, and by which factor."""
    if minutes(was) != minutes(now):
        return True, _ratio(minutes(was), minutes(now))
    before, after = (float(side["prescribed_work"].get("distance_km") or 0.0) for side in (was, now))
    return before != after, _ratio(before, after) if before != after else None


def _is_harder_or_easier(was: Entry, now: Entry, other_volume: bool) -> bool:
    if "strength" in (was["kind"], was["modality"]):  # which `kinds` counts as nothing else
        return bool(was["load"] != now["load"]) and not other_volume
    _, found = changed_kinds({"sessions": {"": was}}, {"sessions": {"": now}})
    return INTENSITY in found


def _ratio(before: float, after: float) -> float | None:
    return float(after) / float(before) if before else None
