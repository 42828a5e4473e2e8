"""Kinds of notification: the apps above say what each is called and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from common.registries import Registry

Phrase: TypeAlias = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Text:
    """What a person reads; `link` is a path of ours, empty where there is none."""

    title: str
    body: str
    link: str


def _nothing(data: dict[str, Any]) -> str:
    return ""


@dataclass(frozen=True)
class Kind:
    """How a notification reads; each gets the notification's data."""

    title: Phrase
    link: Phrase
    body: Phrase = _nothing


KINDS: Registry[Kind] = Registry("notification kinds")


def register_kind(name: str, *, title: Phrase, link: Phrase, body: Phrase = _nothing) -> Kind:
    """Make a kind known; `body` is what the mail and the list say beyond the title.

    Raises:
        ValueError: it is registered otherwise.
    """
    return KINDS.register(name, Kind(title, link, body))


def text_of(kind: str, data: dict[str, Any]) -> Text:
    """Return how a notification reads.

    Raises:
        KeyError: nobody registered this kind, or the data lacks what its text needs.
    """
    known = KINDS.get(kind)
    return Text(known.title(data), known.body(data), known.link(data))


def text_or_name(kind: str, data: dict[str, Any]) -> Text:
    """Return how a notification reads, or its bare kind: a row of another release must not hide a person's list."""
    try:
        return text_of(kind, data)
    except KeyError:
        return Text(kind, "", "")
