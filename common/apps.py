"""Shared plumbing: what has no domain."""

from __future__ import annotations

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Holds jobs, idempotency keys, subject keys and request roll-ups; imports no other app of ours."""

    name = "common"

    def ready(self) -> None:
        """Register the system checks."""
        from common import checks  # noqa: F401  (registers by import)
