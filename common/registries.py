"""Typed registries: how a lower floor asks for something that only a floor above it can answer.

The lower app creates the registry and names what it needs; the upper app fills it in `AppConfig.ready`; a system check
(`common.checks`) refuses to start while something needed is missing. A dict with a type, nothing more clever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

ALL: dict[str, Registry[Any]] = {}


class Registry(Generic[T]):
    """Entries of one type by name; `required` are the names that must be filled once all apps are ready."""

    def __init__(self, name: str, *, required: tuple[str, ...] = ()) -> None:
        if name in ALL:
            raise ValueError(f"a registry named {name} exists already")
        self.name = name
        self._required = set(required)
        self._entries: dict[str, T] = {}
        ALL[name] = self

    def require(self, *names: str) -> None:
        """Add names that must be filled."""
        self._required.update(names)

    def register(self, name: str, entry: T) -> T:
        """Fill `name`; filling it twice with the same entry is harmless.

        Raises:
            ValueError: another entry has this name.
        """
        known = self._entries.setdefault(name, entry)
        if known is not entry and known != entry:
            raise ValueError(f"{self.name} has another entry named {name}")
        return entry

    def get(self, name: str) -> T:
        """Return the entry.

        Raises:
            KeyError: nobody registered it.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise KeyError(f"{self.name} has no entry named {name!r}") from None

    def find(self, name: str) -> T | None:
        """Return the entry, or None where nobody registered it."""
        return self._entries.get(name)

    def items(self) -> list[tuple[str, T]]:
        """Return all entries in the order of their names."""
        return sorted(self._entries.items())

    def missing(self) -> frozenset[str]:
        """Return the required names that nobody filled."""
        return frozenset(self._required - self._entries.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
