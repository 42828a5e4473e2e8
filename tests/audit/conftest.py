"""Fixtures of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.common.people import person

__all__ = ["person"]


@pytest.fixture(autouse=True)
def _folders_of_its_own(settings: Any, tmp_path: Path) -> Iterator[None]:
    """Keep heads and segments of one test away from those of another."""
    settings.AUDIT_HEADS_DIR = str(tmp_path / "heads")
    settings.AUDIT_ARCHIVE = str(tmp_path / "archive")
    yield
