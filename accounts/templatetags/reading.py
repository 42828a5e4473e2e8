"""Filters for templates: English texts in the reader's language, distances in their unit."""

from __future__ import annotations

from django import template

from accounts.preferences import current_reader
from common import units
from common.translating.showing import number, shown

register = template.Library()


@register.filter(name="shown")
def shown_filter(text: object) -> str:
    """Return a finished English text in the language at hand."""
    return shown(str(text)) if text is not None else ""


@register.filter
def distance(km: float | None) -> str:
    """Return a distance (km) as `10 km` or `6.2 mi`, a dash where there is none."""
    if km is None:
        return "–"
    system = current_reader().units
    return f"{number(units.distance_number(float(km), system))} {units.distance_unit(system)}"
