"""The matrix, for floors that may not import accounts (registered in `common.admin.ACCESS`)."""

from __future__ import annotations

from typing import Any

from accounts.matrix import relation_for


def matrix_grants(user: Any, verb: str) -> bool:
    """Return whether the user's role may do a verb at all."""
    return bool(user.is_active) and relation_for(user.role, verb) is not None
