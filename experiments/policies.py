"""Who manages experiments, and for whom somebody may ask."""

from __future__ import annotations

from typing import Final

from accounts.models import User
from common.context import ServiceIdentity

Actor = User | ServiceIdentity

MANAGE: Final = "experiment:manage"
ASSIGN: Final = "experiment:assign"
"""Asking for somebody's variant: athletes for themselves, coaches for those they coach today."""
