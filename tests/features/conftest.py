"""A feature store of its own for each test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _own_store(settings: Any, tmp_path: Path) -> None:
    settings.FEATURE_STORE_URL = str(tmp_path / "features")
    settings.VAR_DIR = tmp_path
