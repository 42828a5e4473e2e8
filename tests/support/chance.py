"""Where tests that draw their data take the seed from: the same each time in the suite, another in `make explore`."""

from __future__ import annotations

import os
import random
from typing import Final

EXPLORE: Final = int(os.environ.get("MESOCYCLE_EXPLORE", "0"))
"""How many examples of each property are tried; 0 where nobody explores."""
SUITE: Final = 8_397_092
"""Once found an athlete without any plan, whose adoption was unknown instead of 0."""


def seed() -> int:
    """Return MESOCYCLE_SEED where it is given, to see a failure again; else a fresh one for who explores."""
    given = os.environ.get("MESOCYCLE_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 30) if EXPLORE else SUITE
