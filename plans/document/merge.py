"""Three-way merge by session id: what a coach edited meets what the machine, or a colleague, made meanwhile.

A session has four parts that are merged on their own: where it stands, what is done, whether it is a key session,
whether it is locked. Title, steps and load belong together; merging them one by one would promise 6×800 m with the
load of an easy run. Where both sides changed one part differently, ours is kept and the conflict is listed: no edit is
dropped without a word.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from plans.document.content import Content, Entry

PARTS: Final = {
    "day": ("day",),
    "content": ("kind", "modality", "title", "prescribed_work", "load"),
    "key_session": ("key_session",),
    "locked": ("locked",),
}


@dataclass(frozen=True, slots=True)
class Conflict:
    """One part of a session that both sides changed differently; `part` "session" where one side removed it."""

    session_id: str
    part: str
    baseline: Entry | None
    mine: Entry | None
    new: Entry | None

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True)
class Merge:
    """The merged document and what it had to decide for us."""

    content: Content
    conflicts: tuple[Conflict, ...]


def merge(base: Content, mine: Content, theirs: Content) -> Merge:
    """Return `mine` with the changes from `base` to `theirs` brought in; our side wins a conflict, which is listed."""
    sessions: dict[str, Entry] = {}
    conflicts: list[Conflict] = []
    for session_id in sorted(base["sessions"].keys() | mine["sessions"].keys() | theirs["sessions"].keys()):
        was, ours, new = (side["sessions"].get(session_id) for side in (base, mine, theirs))
        entry, disputed = _merge_session(was, ours, new)
        if entry is not None:
            sessions[session_id] = deepcopy(entry)
        conflicts += [Conflict(session_id, part, was, ours, new) for part in disputed]
    return Merge({"sessions": sessions}, tuple(conflicts))


def align(base: Content, new: Content, *, race_day: str, new_race_day: str) -> Content:
    """Return `new` with the ids of the sessions of `base` that it replaces, so that comments and edits stay anchored.

    The race keeps its id whatever its day. Other sessions pair up day by day, those of one kind first.
    """
    pairs: dict[str, str] = {}
    races = [_race(base, race_day), _race(new, new_race_day)]
    if races[0] and races[1]:
        pairs[races[1]] = races[0]
    free_old = {key: entry for key, entry in base["sessions"].items() if key not in pairs.values()}
    free_new = {key: entry for key, entry in new["sessions"].items() if key not in pairs}
    for same_kind in (True, False):
        for key, entry in sorted(free_new.items()):
            found = next(
                (
                    old
                    for old, candidate in sorted(free_old.items())
                    if candidate["day"] == entry["day"] and (not same_kind or candidate["kind"] == entry["kind"])
                ),
                None,
            )
            if key not in pairs and found is not None:
                pairs[key] = found
                del free_old[found]
        free_new = {key: entry for key, entry in free_new.items() if key not in pairs}
    taken = set(pairs.values())
    return {"sessions": {_renamed(key, pairs, taken): entry for key, entry in new["sessions"].items()}}


def _renamed(key: str, pairs: dict[str, str], taken: set[str]) -> str:
    """Return the id under which a new session goes on; where another goes on under its own, it gets a fresh one."""
    if key in pairs:
        return pairs[key]
    return str(uuid5(UUID(key), "again")) if key in taken else key


def _race(content: Content, day: str) -> str | None:
    found = [k for k, e in content["sessions"].items() if e["kind"] == "race" and e["day"] == day]
    return min(found, default=None)


def _merge_session(was: Entry | None, ours: Entry | None, new: Entry | None) -> tuple[Entry | None, list[str]]:
    if ours == new or new == was:
        return ours, []
    if ours == was:
        return new, []
    if ours is None or new is None:
        return ours, ["session"]
    merged, disputed = dict(ours), []
    for part, fields in PARTS.items():
        before, mine, theirs = (_part(side, fields) for side in (was, ours, new))
        if theirs in (mine, before):
            continue
        if mine == before:
            merged |= theirs or {}
        else:
            disputed.append(part)
    return merged, disputed


def _part(entry: Entry | None, fields: tuple[str, ...]) -> dict[str, Any] | None:
    return None if entry is None else {name: entry[name] for name in fields if name in entry}
