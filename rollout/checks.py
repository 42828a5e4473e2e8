"""System checks: flags that their user could switch, messages that reach nobody, code that outlived its flag."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.db import DatabaseError


@register()
def waffle_override_is_off(app_configs: Any, **kwargs: Any) -> list[Error]:
    """WAFFLE_OVERRIDE lets a query parameter switch any flag on."""
    if getattr(settings, "WAFFLE_OVERRIDE", False):
        return [Error("WAFFLE_OVERRIDE must be off: a query parameter could switch flags.", id="rollout.E001")]
    return []


@register()
def addresses_are_known(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """An address that apprise does not know would be found out when the first incident is told."""
    from rollout.delivery import is_known

    return [
        Warning(f"NOTIFY_URLS_{group.upper()} holds an address that apprise does not know.", id="rollout.W001")
        for group, addresses in settings.NOTIFY_URLS.items()
        if any(not is_known(address) for address in addresses)
    ]


@register(Tags.database)
def retired_flags_are_gone_from_the_code(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """A retired flag is on for good: code that still asks for it has a branch that nobody takes any more.

    It reads the database, hence runs with `check --database default` and before `migrate`.
    """
    from rollout.models import Flag
    from rollout.references import references

    if not kwargs.get("databases"):
        return []
    try:
        flags = Flag.objects.order_by("name").values_list("name", "metadata")
        retired = [(key, metadata["retired_at"]) for key, metadata in flags if metadata.get("retired_at")]
    except DatabaseError:  # before the first migration there are no flags
        return []
    found = []
    for key, at in retired:
        code = [one for one in references(settings.BASE_DIR, key) if not one.in_tests]
        if code:
            where = ", ".join(map(str, code[:10])) + (f" and {len(code) - 10} more" if len(code) > 10 else "")
            hint = "Remove the branch that the flag leaves out, then the question."
            found.append(
                Warning(f"{key} was retired on {at[:10]}, and is asked in {where}.", hint=hint, id="rollout.W002")
            )
    return found
