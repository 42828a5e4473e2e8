"""Fixtures of this folder."""

from tests.common.people import person

__all__ = ["person"]
