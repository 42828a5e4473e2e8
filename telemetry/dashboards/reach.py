"""Whose numbers somebody sees, and under which names. People are of a floor above, which says so through a registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from common.registries import Registry
from telemetry.dashboards.numbers import LEAST_PEOPLE

VIEW: Final = "metrics:view"
VIEW_SERVICE: Final = "service:view"


@dataclass(frozen=True)
class Reach:
    """coaches: tokens whose athletes' numbers are seen, None for everybody's. names: of coaches by token.

    is_pseudonymous: people stay tokens, and numbers of few people are hidden.
    """

    coaches: frozenset[str] | None
    names: Mapping[str, str] = field(default_factory=dict)
    is_pseudonymous: bool = False

    @property
    def least(self) -> int:
        """Return how many people a number must rest on."""
        return LEAST_PEOPLE if self.is_pseudonymous else 1

    def name(self, token: str | None) -> str:
        """Return a coach's name, or the beginning of a token that has none here."""
        if not token:
            return "No coach"
        return self.names.get(token) or f"Coach {token.partition(':')[2][:6]}"


# Filled by accounts: the reach of a user who has `VIEW`.
REACHES: Registry[Callable[[Any], Reach]] = Registry("readers of metrics", required=("accounts",))


def reach_of(user: Any) -> Reach:
    """Return whose numbers a user who may see metrics sees."""
    return REACHES.get("accounts")(user)
