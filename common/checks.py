"""System checks: every registry is filled once all apps are ready."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from common.registries import ALL


@register()
def registries_are_filled(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for each required entry that no app registered."""
    return [
        Error(
            f"registry {registry.name} has no entry named {name}",
            hint="register it in the AppConfig.ready of the app that owns it",
            id="common.E001",
        )
        for registry in ALL.values()
        for name in sorted(registry.missing())
    ]
