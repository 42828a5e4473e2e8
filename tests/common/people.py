"""What these tests share: people without rows, and a unit of work for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from common.ids import uuid7


@pytest.fixture
def person() -> Callable[[], Any]:
    """Make users that exist in memory only: a unit of work needs an id, not a row."""

    def make(role: str = "coach") -> Any:
        return get_user_model()(id=uuid7(), email=f"{uuid7()}@example.org", role=role)

    return make
