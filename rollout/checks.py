"""System checks: settings under which a flag could be switched by its user."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, register


@register()
def waffle_override_is_off(app_configs: Any, **kwargs: Any) -> list[Error]:
    """WAFFLE_OVERRIDE lets a query parameter switch any flag on."""
    if getattr(settings, "WAFFLE_OVERRIDE", False):
        return [Error("WAFFLE_OVERRIDE must be off: a query parameter could switch flags.", id="rollout.E001")]
    return []
