"""What every page of the operators is: a view of its own in the admin's frame, for whoever has its verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from common.admin import PolicyAdmin, may
from common.errors import DomainError, NotPermitted, NotVisible, StaleVersion
from common.translating.showing import said


def own_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view whose services open and commit their own units of work."""

    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    run.own_transaction = True  # type: ignore[attr-defined]
    return run


class OperatorAdmin(PolicyAdmin):
    """A page of the operators: the rows have no scope, the verb decides; nothing is edited but through commands."""

    def visible(self, user: Any) -> Q:
        return Q()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def page(self, request: HttpRequest, template: str, title: str, **found: Any) -> TemplateResponse:
        """Render a page for whoever may see this admin.

        Raises:
            PermissionDenied: everybody else.
        """
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "is_fullwidth": "1"}
        return TemplateResponse(request, template, {**context, **found})

    def allow(self, request: HttpRequest, verb: str = "") -> None:
        """Refuse whoever lacks this admin's verb, or another.

        Raises:
            PermissionDenied: the matrix does not grant it.
        """
        if not may(request.user, verb or self.view_verb):
            raise PermissionDenied


class Refused(Exception):
    """The service said no, and the person was told; `is_stale` where somebody else was faster."""

    def __init__(self, *, is_stale: bool) -> None:
        self.is_stale = is_stale
        super().__init__()


def tell(request: HttpRequest, act: Callable[[], str]) -> None:
    """Do something and show what it says.

    Raises:
        Refused: it was not done, and the person was told why.
        NotVisible, NotPermitted: as everywhere in the admin, 404 and 403.
    """
    try:
        messages.success(request, said(act()))
    except (NotVisible, NotPermitted):
        raise
    except StaleVersion as error:
        raise Refused(is_stale=True) from error
    except DomainError as error:
        messages.error(request, gettext("Not done: {detail}").format(detail=said(error.detail)))
        raise Refused(is_stale=False) from error
