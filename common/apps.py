"""Shared plumbing: what has no domain."""

from __future__ import annotations

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Holds jobs, idempotency keys, subject keys and request roll-ups; imports no other app of ours."""

    name = "common"

    def ready(self) -> None:
        """Register the system checks, what tasks are told of who started them, and how long our own tables are kept."""
        from common import checks, retention, task_context  # noqa: F401  (they register by import)
        from common.backup import fields

        retention.register()
        fields.register()
