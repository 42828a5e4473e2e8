"""What an audit event is: every action is registered with its target and the metadata it may carry."""

from __future__ import annotations

from dataclasses import dataclass

from common.registries import Registry

# Metadata under these names is what somebody wrote about somebody; it is stored as ciphertext of the subject.
FREE_TEXT = frozenset({"comment", "detail", "note", "reason", "text"})


@dataclass(frozen=True)
class ActionType:
    """One kind of event; `state` marks the second event of B6, which shows the state that an action led to."""

    action: str
    target_type: str
    metadata: frozenset[str]
    state: bool = False
    free_text: frozenset[str] = FREE_TEXT


ACTIONS: Registry[ActionType] = Registry("audit actions")


def register(
    action: str,
    *,
    target_type: str,
    metadata: frozenset[str],
    state: bool = False,
    free_text: frozenset[str] = frozenset(),
) -> ActionType:
    """Make an action known; `free_text` names metadata to encrypt beyond the usual `FREE_TEXT`.

    Raises:
        ValueError: the action is registered with another shape.
    """
    return ACTIONS.register(action, ActionType(action, target_type, metadata, state, FREE_TEXT | free_text))
