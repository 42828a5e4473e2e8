"""Facts kept for ever."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only audit events; imports only `common`."""

    name = "audit"

    def ready(self) -> None:
        """Register our own actions and the recorder of refusals, and what a backup takes."""
        from audit import backup, registration, words

        registration.register()
        words.register()
        backup.register()
