"""The browsable API: an answer with the links and forms that an app has for its address, and errors in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request

from common.registries import Registry


@dataclass(frozen=True)
class Input:
    """One field of a form."""

    name: str
    label: str
    kind: str
    value: str
    help_text: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Form:
    """A form that sends to `url`: fields, or a JSON document to edit (`body`)."""

    title: str
    url: str
    note: str = ""
    inputs: tuple[Input, ...] = ()
    body: str = ""
    method: str = "POST"


@dataclass(frozen=True)
class Page:
    """What a page shows beside the answer."""

    links: list[tuple[str, str]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    problem: Mapping[str, Any] | None = None


# Called with (request, the answer's data, whether it is an error) after the unit of work has ended: it may not query.
API_PAGES: Registry[Callable[[Request, Any, bool], Page]] = Registry("pages of the browsable API", required=("plans",))


class BrowsableRenderer(BrowsableAPIRenderer):
    """Shows an answer with its links and forms; where we have forms of our own, the framework's give way."""

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        """Return what the template shows."""
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        request: Request = renderer_context["request"]
        is_error = renderer_context["response"].status_code >= 400
        page = API_PAGES.get("plans")(request, data, is_error)
        return {**context, "page": page, "display_edit_forms": context["display_edit_forms"] and not page.forms}
