"""A filter for the operators' templates: what Python says to a page, in the reader's language."""

from __future__ import annotations

from django import template

from common.translating.showing import said

register = template.Library()


@register.filter(name="said")
def said_filter(text: object) -> str:
    """Return an English text of ours, or figures, in the language at hand; nothing where there is none."""
    return said(str(text)) if text is not None else ""
