"""Figures as people read them, in the language at hand."""

from __future__ import annotations

import math
import re
from typing import Final

from django.utils.formats import number_format

LARGEST: Final = 1e6
"""From here on a power of ten says more than digits do."""
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER: Final = re.compile(r"(?<![\w.])\d(?:\.\d+)?e[+-]\d+(?!\w)")


def significant(value: float, digits: int) -> str:
    """Return a number to so many digits: 4.99, 1,630, and 1.6 × 10⁹ where it is very large or small."""
    if not math.isfinite(value):
        return "∞" if value > 0 else str(value)
    found = float(f"{value:.{digits}g}")
    if found and not 10**-digits <= abs(found) < LARGEST:
        mantissa, _, power = f"{value:.1e}".partition("e")
        return f"{number_format(mantissa)} × 10{str(int(power)).translate(_RAISED)}"
    if abs(found) >= 10 ** (digits - 1):
        return str(number_format(round(found), force_grouping=True))
    return str(number_format(f"{value:.{digits}g}"))


def spelt(text: str) -> str:
    """Return a text whose numbers with exponents (1.63e+03) are written as people write them."""
    return _POWER.sub(lambda match: significant(float(match[0]), 3), text)
