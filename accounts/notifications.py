"""Kinds of notification: the apps above say what each is called and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.registries import Registry


@dataclass(frozen=True)
class Kind:
    """How a notification reads; each gets the notification's data."""

    title: Callable[[dict[str, Any]], str]
    link: Callable[[dict[str, Any]], str]


KINDS: Registry[Kind] = Registry("notification kinds")


def register_kind(name: str, *, title: Callable[[dict[str, Any]], str], link: Callable[[dict[str, Any]], str]) -> Kind:
    """Make a kind known.

    Raises:
        ValueError: it is registered otherwise.
    """
    return KINDS.register(name, Kind(title, link))
