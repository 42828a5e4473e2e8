"""The tags of a comment, and what each means."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

OTHER: Final = "other"
LABELS: Final[dict[str, str]] = {
    "injury": "Injury",
    "fatigue": "Fatigue",
    "time": "Time",
    "motivation": "Motivation",
    "too_hard": "Too hard",
    "too_easy": "Too easy",
    "schedule": "Schedule",
    "equipment": "Equipment",
    "illness": "Illness",
    OTHER: "Other",
}
MEANS: Final[dict[str, str]] = {
    "injury": "pain, or a part of the body that is hurt",
    "fatigue": "tired, or not recovered",
    "time": "too little time",
    "motivation": "wants to train less than before, or does not like it",
    "too_hard": "pace, power, volume or load asked too much",
    "too_easy": "pace, power, volume or load asked too little",
    "schedule": "another day, travel, or a race that moves",
    "equipment": "bicycle, shoes, watch, trainer or files do not work, or are not there",
    "illness": "ill, or just over it",
    OTHER: "none of these, or a language that the model does not know",
}
TAGS: Final = tuple(LABELS)
MODELLED: Final = tuple(tag for tag in TAGS if tag != OTHER)
"""Tags with a classifier each; `other` is what is left."""


def in_order(tags: Collection[str]) -> tuple[str, ...]:
    """Return tags in the order in which they are listed, each once."""
    return tuple(tag for tag in TAGS if tag in tags)


def fault_of(tags: Collection[str]) -> str:
    """Return why these cannot be the whole set of a comment's tags; empty where they can."""
    if not tags:
        return f"Name at least one tag; {OTHER} says that none fits."
    if unknown := sorted(set(tags) - set(TAGS)):
        return f"{', '.join(unknown)} is no tag; tags are {', '.join(TAGS)}."
    if OTHER in tags and len(set(tags)) > 1:
        return f"{OTHER} says that no other tag fits; it stands alone."
    return ""
