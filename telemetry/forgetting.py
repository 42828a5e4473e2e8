"""What is left of an event about somebody who was erased, or who withdrew consent to experiments. Pure.

Erased: nothing that carries one of their tokens. Withdrawn: no exposure, and in other events no arm and no variant;
what happened after the withdrawal stays, since consent may be given anew. Events that say whom to forget stay whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

FORGOTTEN: Final = "person.forgotten"
EXPOSED: Final = "experiment.exposed"
# Data that say in which experiment an event's athlete was; empty is "in none".
ARMS: Final = ("experiment_arm", "variant")
_TOKEN: Final = re.compile(r"v[0-9]+:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Forget:
    """people: tokens of whom nothing may be left. withdrawn: until when experiments are to be forgotten, by token."""

    people: frozenset[str] = frozenset()
    withdrawn: Mapping[str, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.people or self.withdrawn)

    def concerns(self, text: str) -> bool:
        """Return whether a text has a token of anybody to forget."""
        return any(token in self.people or token in self.withdrawn for token in _TOKEN.findall(text))


def what_is_left(
    forget: Forget, *, name: str, time: datetime, text: str, data: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the data of an event that may stay, the same object where nothing changes; None where it goes.

    name: the event's type. text: whatever of the event may hold tokens, its subject too.
    """
    if name == FORGOTTEN:
        return data
    tokens = set(_TOKEN.findall(text))
    if tokens & forget.people:
        return None
    if not any(time <= forget.withdrawn[token] for token in tokens & forget.withdrawn.keys()):
        return data
    if name == EXPOSED:
        return None
    blank = {word: "" for word in ARMS if data.get(word)}
    return {**data, **blank} if blank else data
