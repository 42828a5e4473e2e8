"""Words that stand as values in what is stored (kinds, states, zones, guards): an app names its own for translation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from common.registries import Registry


@dataclass(frozen=True)
class Words:
    """What to translate, and whether the pages' scripts show it too."""

    words: Callable[[], Iterable[str]]
    in_scripts: bool = False


WORDS: Registry[Words] = Registry("words to translate")
