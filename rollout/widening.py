"""Which changes reach more people: those need a second person, narrowing never does. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rollout.evaluation import TIERS_THAT_SATISFY


def reaches_more(before: Mapping[str, Any], changes: Mapping[str, Any]) -> list[str]:
    """Return which of the changed fields let somebody in who was out, by name; unknown fields never do.

    Args:
        before: the flag's fields as they are.
        changes: the new values of some of them.
    """
    found = []
    for name, value in changes.items():
        old = before.get(name)
        if old != value and _RULES.get(name, _never)(old, value):
            found.append(name)
    return found


def _never(old: Any, new: Any) -> bool:
    return False


def _more_tiers(old: str, new: str) -> bool:
    """A tier asked for before that would not be asked for any more; blank asks for none."""
    return not (_satisfying(new) <= _satisfying(old))


def _satisfying(required: str) -> frozenset[str]:
    everybody = frozenset(TIERS_THAT_SATISFY["free"]) | {""}
    return TIERS_THAT_SATISFY[required] if required else everybody


def _on(old: Any, new: Any) -> bool:
    return bool(new) and not old


def _higher(old: int, new: int) -> bool:
    return new > old


def _no_longer_off(old: bool | None, new: bool | None) -> bool:
    """Taking "off for everybody" back lets tier and percentage decide again."""
    return new is True or (new is None and old is False)


def _more_groups(old: Iterable[str] | None, new: Iterable[str]) -> bool:
    return not set(new) <= set(old or ())


_RULES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "enabled": _on,
    "rollout_thousandths": _higher,
    "requires_tier": _more_tiers,
    "admin_override": _no_longer_off,
    "groups": _more_groups,
}
