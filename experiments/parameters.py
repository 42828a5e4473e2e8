"""What experiments can set: apps above name a parameter and its values, and ask for it where they use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from common.registries import Registry
from experiments.metrics import Reader


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a variant may set.

    values: each value, with its meaning in words. default: what holds outside experiments. uses: each time that it was
    asked for in the past, also outside experiments, for how fast subjects would come; None where nobody can tell.
    """

    name: str
    title: str
    values: Mapping[str, str]
    default: str
    uses: Reader | None = None


PARAMETERS: Final[Registry[Parameter]] = Registry("experiment parameters")
"""Filled by the apps above, in `AppConfig.ready`."""
