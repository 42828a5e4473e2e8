"""Experiments that ship: apps above write what they want asked of themselves, people start from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from common.registries import Registry


@dataclass(frozen=True, slots=True)
class Ready:
    """describes: what it compares, in words after the title. key: the experiment's, where nobody says another.

    document: the fields as `create_experiment` takes them.
    """

    title: str
    describes: str
    key: str
    document: Mapping[str, Any]


READY: Final[Registry[Ready]] = Registry("ready experiments")
"""Filled by the apps above, in `AppConfig.ready`."""
