"""Shares of people as whole numbers: thousandths of a percent, so that 0.1 % is 100 and nothing is rounded. Pure."""

from __future__ import annotations

from typing import Final

FULL: Final = 100_000
