"""What speaks against promoting a version after its experiment: asked below, answered by the app that runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from common.registries import Registry
from modeling.policies import Actor


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an experiment says. conclusion: in words. against: why the version may not be promoted; "" where it may."""

    conclusion: str
    against: str


EVIDENCE: Final[Registry[Callable[[str, Actor], Evidence]]] = Registry("promotion evidence", required=("experiments",))
"""Filled by plans, in `AppConfig.ready`; given an experiment's key and who asks, inside their unit of work."""
