"""A sealed segment: newline-delimited JSON that proves itself. Pure.

The first line names the format, the first leaf and the size of the log at its end. Every other line is an event in its
canonical bytes (its leaf hash is SHA-256(0x00 ‖ line)), or the signed head that stands after the events that it seals.
Segments follow each other without a gap, each ends with a head.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from audit import merkle
from audit.heads import FORMAT as HEAD_FORMAT
from audit.heads import BadHead, SigningKeys, TreeHead
from audit.merkle import CompactRange

FORMAT: Final = "mesocycle-audit-segment/1"
_NAME: Final = re.compile(r"segments/(\d{15})-(\d{15})\.ndjson")


class BadSegment(ValueError):
    """A segment is malformed, or does not lead to the heads in it."""


@dataclass(frozen=True)
class ArchivedEvent:
    """canonical: the event's bytes; leaf_hash: 32 bytes."""

    leaf_index: int
    event_id: UUID
    canonical: bytes
    leaf_hash: bytes


def name_of(first: int, size: int) -> str:
    """Return the name of the segment of the leaves [first, size)."""
    return f"segments/{first:015d}-{size:015d}.ndjson"


def range_of(name: str) -> tuple[int, int] | None:
    """Return (first, size) of a segment's name, None for another file's."""
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2])) if match else None


def first_line(first: int, size: int) -> bytes:
    """Return a segment's first line, without its end."""
    return _json({"format": FORMAT, "first": first, "size": size})


def head_line(head: TreeHead) -> bytes:
    """Return a head's line, without its end."""
    return _json(head.as_json())


def is_head(line: bytes) -> bool:
    """Return whether a line of a segment that is well formed is a head, not an event."""
    return line.startswith(b'{"format"')


def read_segment(lines: Iterable[bytes], tree: CompactRange, keys: SigningKeys) -> Iterator[ArchivedEvent | TreeHead]:
    """Yield a segment's events and heads in order, verified as they come; `tree` (the log before it) grows along.

    What follows a head is vouched for only by the next one: a caller who must not take anything unproven reads to the
    end first.

    Raises:
        BadSegment: it does not continue `tree`, a line is malformed, a head is not ours or not of these events, or the
            end is missing.
    """
    rest = iter(lines)
    start, end = _parsed(next(rest, b"")), None
    if start.get("format") != FORMAT or start.get("first") != tree.size:
        raise BadSegment(f"this is no segment that begins with leaf {tree.size}")
    for line in rest:
        end = None
        parsed = _parsed(line)
        if parsed.get("format") == HEAD_FORMAT:
            end = _checked_head(parsed, tree, keys)
            yield end
            continue
        try:
            event_id = UUID(parsed["id"])
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise BadSegment(f"leaf {tree.size} is no event") from error
        leaf = merkle.leaf_hash(line)
        yield ArchivedEvent(tree.size, event_id, line, leaf)
        tree.append(leaf)
    if end is None or tree.size != start.get("size"):
        raise BadSegment("the end of the segment is missing")


def read_all(
    names: Iterable[str], read: Callable[[str], Iterable[bytes]], keys: SigningKeys
) -> Iterator[ArchivedEvent | TreeHead]:
    """Yield events and heads of all segments among the names, from the log's beginning; raises as `read_segment`."""
    tree = CompactRange()
    for name in sorted(names):
        if range_of(name):
            try:
                yield from read_segment(read(name), tree, keys)
            except BadSegment as error:
                raise BadSegment(f"{name}: {error}") from error


def _checked_head(parsed: dict[str, Any], tree: CompactRange, keys: SigningKeys) -> TreeHead:
    try:
        head = TreeHead.from_json(parsed)
        keys.verify(head)
    except BadHead as error:
        raise BadSegment(f"the head after leaf {tree.size - 1}: {error}") from error
    if (head.tree_size, head.root_hash) != (tree.size, tree.root()):
        raise BadSegment(f"the events up to leaf {tree.size - 1} are not those of head {head.number}")
    return head


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadSegment("a line is no JSON") from error
    if not isinstance(parsed, dict):
        raise BadSegment("a line is no JSON object")
    return parsed


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
