"""What experiments can set: apps above name a parameter and its values, and ask for it where they use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from common.registries import Registry


@dataclass(frozen=True, slots=True)
class Parameter:
    """values: each value that a variant may set, with its meaning in words. default: what holds outside experiments."""

    name: str
    title: str
    values: Mapping[str, str]
    default: str


PARAMETERS: Final[Registry[Parameter]] = Registry("experiment parameters")
"""Filled by the apps above, in `AppConfig.ready`."""
