"""What changed between two documents: by field, for the change rows, and by session, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from common.canonical import canonical_json
from plans.document.content import Content, Entry

Texts = tuple[Mapping[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change; `path` as in JSON Patch, `change` add, replace or remove."""

    path: str
    session_id: str
    change: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session that was added, removed or replaced, with both of its sides."""

    session_id: str
    change: str
    before: Entry | None
    after: Entry | None


def field_changes(before: Content, after: Content) -> tuple[FieldChange, ...]:
    """Return the least set of changes that leads from one document to the other, ordered by path."""
    found: list[FieldChange] = []
    for change in session_changes(before, after):
        path = f"/sessions/{change.session_id}"
        if change.before is None or change.after is None:
            kind = "add" if change.before is None else "remove"
            found.append(FieldChange(path, change.session_id, kind, change.before, change.after))
        else:
            found += _members(path, change.session_id, change.before, change.after)
    return tuple(found)


def session_changes(before: Content, after: Content, texts: Texts | None = None) -> tuple[SessionChange, ...]:
    """Return the sessions that differ, ordered by id.

    `texts`: the canonical JSON of both documents' sessions (`session_texts`), where the caller has them: far quicker
    for documents that share no objects.
    """
    old, new = before["sessions"], after["sessions"]
    found = []
    for session_id in sorted(old.keys() | new.keys()):
        was, now = old.get(session_id), new.get(session_id)
        if not (_same(was, now) if texts is None else texts[0].get(session_id) == texts[1].get(session_id)):
            change = "added" if was is None else "removed" if now is None else "replaced"
            found.append(SessionChange(session_id, change, was, now))
    return tuple(found)


def operations(changes: Iterable[FieldChange]) -> list[dict[str, Any]]:
    """Return the changes as JSON Patch operations."""
    return [
        {"op": c.change, "path": c.path} | ({} if c.change == "remove" else {"value": deepcopy(c.new)}) for c in changes
    ]


def apply_changes(content: Content, changes: Iterable[FieldChange]) -> Content:
    """Return the document with the changes replayed; this is how a version is proved from its parent.

    Raises:
        ValueError: the document does not hold what a change says was there.
    """
    result = deepcopy(content)
    for change in changes:
        *parents, last = change.path.split("/")[1:]
        holder: dict[str, Any] = result
        for name in parents:
            holder = holder[name]
        if holder.get(last) != change.old or (last in holder) != (change.change != "add"):
            raise ValueError(f"{change.path} does not hold what the change says it held")
        if change.change == "remove":
            del holder[last]
        else:
            holder[last] = deepcopy(change.new)
    return result


def _same(was: Any, now: Any) -> bool:
    """Compare as the hash does: for Python 1 and True are equal, in canonical JSON they are two things."""
    if was is now:
        return True
    # The same text is the same thing; only where it differs (24 and 24.0, another order) the canonical form decides.
    return bool(was == now) and (repr(was) == repr(now) or canonical_json(was) == canonical_json(now))


def _members(path: str, session_id: str, before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    found: list[FieldChange] = []
    for name in sorted(before.keys() | after.keys()):
        here = f"{path}/{name}"
        was, now = before.get(name), after.get(name)
        if name == "prescribed_work" and isinstance(was, dict) and isinstance(now, dict):
            found += _members(here, session_id, was, now)
        elif name not in before:
            found.append(FieldChange(here, session_id, "add", None, now))
        elif name not in after:
            found.append(FieldChange(here, session_id, "remove", was, None))
        elif not _same(was, now):
            found.append(FieldChange(here, session_id, "replace", was, now))
    return found
