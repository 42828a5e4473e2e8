"""Documents and edits at random."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from plans.document import Content, Entry, document, session_entry

MONDAY = date(2026, 11, 23)
KINDS = ("easy", "long", "tempo", "interval")


def entry(rng: random.Random, day: date | None = None) -> Entry:
    """Return a session at random."""
    minutes = rng.randrange(20, 120, 5)
    kind = rng.choice(KINDS)
    return session_entry(
        day=(day or MONDAY + timedelta(days=rng.randrange(70))).isoformat(),
        modality="running",
        kind=kind,
        title=f"{kind} {minutes}",
        prescribed_work={
            "steps": [{"type": "steady", "duration_min": minutes, "target": {"zone": "easy", "text": "easy"}}],
            "duration_min": minutes,
            "summary": f"{minutes} min",
        },
        load=round(rng.uniform(10, 150), 1),
        key_session=rng.random() < 0.2,
    )


def content(rng: random.Random, n: int | None = None) -> Content:
    """Return a document at random."""
    count = rng.randrange(1, 30) if n is None else n
    return document((new_id(rng), entry(rng)) for _ in range(count))


def new_id(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def edit_operation(rng: random.Random, now: Content) -> dict[str, Any]:
    """Return one operation that a coach might send."""
    ids = sorted(now["sessions"])
    choice = rng.randrange(6) if ids else 0
    session_id = rng.choice(ids) if ids else ""
    match choice:
        case 0:
            return {"op": "add", "path": f"/sessions/{new_id(rng)}", "value": entry(rng), "reason": "travel"}
        case 1:
            return {"op": "remove", "path": f"/sessions/{session_id}", "reason": "injury", "note": "knee"}
        case 2:
            day = (MONDAY + timedelta(days=rng.randrange(70))).isoformat()
            return {"op": "replace", "path": f"/sessions/{session_id}/day", "value": day}
        case 3:
            return {"op": "replace", "path": f"/sessions/{session_id}", "value": entry(rng)}
        case 4:
            return {"op": "add", "path": f"/sessions/{session_id}/prescribed_work/notes", "value": f"n{rng.random()}"}
    return {"op": "replace", "path": f"/sessions/{session_id}/key_session", "value": rng.random() < 0.5}


def regenerated(rng: random.Random, base: Content) -> Content:
    """Return what a machine may make of the same plan: some sessions other, some gone, some new."""
    sessions = deepcopy(base["sessions"])
    for session_id in sorted(sessions):
        chance = rng.random()
        if chance < 0.15:
            del sessions[session_id]
        elif chance < 0.5:
            sessions[session_id] = entry(rng, date.fromisoformat(sessions[session_id]["day"]))
    for _ in range(rng.randrange(4)):
        sessions[new_id(rng)] = entry(rng)
    return {"sessions": sessions}
