"""The words of the audit log's pages: what actions, objects and fields are called."""

from __future__ import annotations

from collections.abc import Iterator

from audit.events import ACTIONS
from audit.reading import english_title
from common.translating.words import WORDS, Words

FIELDS = (
    "active from", "active until", "assigned to", "audience value", "caps", "cause", "description", "display name",
    "email", "enabled", "ends at", "follow up", "groups", "guarded", "killed at", "language", "limits", "name",
    "requires tier", "resolved at", "rollout stage", "rollout thousandths", "time zone", "units",
)  # fmt: skip
"""What changes of rows name beside the registered metadata."""
ROLES = ("admin", "athlete", "coach", "compliance", "data scientist", "support", "public", "anonymous", "command line")
TIERS = ("free", "basic", "guided", "premium", "elite")


def words() -> Iterator[str]:
    """Yield the titles of actions, the kinds of objects, the names of fields, and who acts."""
    for name, action in ACTIONS.items():
        yield english_title(name)
        yield action.target_type.replace("_", " ")
        yield from (field.replace("_", " ") for field in action.metadata)
    yield from (*FIELDS, *ROLES, *TIERS)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("audit", Words(words))
