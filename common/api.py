"""What every API view shares: one unit of work a request, and cursor pagination without counting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework import pagination
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from common import context, throttle
from common.errors import NotPermitted
from common.language import turn_to
from common.problem import as_domain_error
from common.registries import Registry

# Called with (error, request) once a refused request has rolled back; audit fills it to record the attempt.
DENIAL_RECORDERS: Registry[Callable[[NotPermitted, Request | HttpRequest], None]] = Registry("denial recorders")


_MINIMAL = re.compile(r"(?:^|,)\s*return\s*=\s*\"?minimal\"?\s*(?:[,;]|$)", re.IGNORECASE)
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?(?P<seconds>\d{1,6})\"?\s*(?:[,;]|$)", re.IGNORECASE)


class UnitOfWorkAPIMixin(APIView):
    """Open a unit of work after authentication, around permission checks and the handler.

    An exception rolls it back before it becomes a problem. Safe methods get a read-only unit unless `writes_when_safe`.
    `verbs` maps each method to the verb that a role needs for it; the permission class asks it.
    `limits` maps a method to a scope of `settings.THROTTLE_RATES`, counted by user before the unit opens.
    `own_transaction = True` opts out: the view opens units itself (streams, `Prefer: wait`).
    """

    own_transaction: ClassVar[bool] = False
    writes_when_safe: ClassVar[bool] = False
    verbs: ClassVar[Mapping[str, str | None]] = {}
    limits: ClassVar[Mapping[str, str]] = {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Handle the request as DRF does, with authentication first and the unit of work around the rest."""
        self.args, self.kwargs = args, kwargs
        drf_request = self.initialize_request(request, *args, **kwargs)
        self.request = drf_request
        self.headers = self.default_response_headers
        try:
            self.count_request(drf_request)
            with self.unit_for(drf_request):
                self.initial(drf_request, *args, **kwargs)
                response = self._handler_for(drf_request)(drf_request, *args, **kwargs)
        except Exception as error:
            response = self.handle_exception(error)
            _record_denial(error, drf_request)
        self.response = self.finalize_response(drf_request, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and check as DRF does, then turn to the caller's language where the request asks for none."""
        super().initial(request, *args, **kwargs)
        turn_to(request.user, request)

    def count_request(self, request: Request) -> None:
        """Hold the caller to the limit that `limits` names for the method; raises LimitReached."""
        scope = self.limits.get(request.method or "")
        if scope and request.user.is_authenticated:
            throttle.take(scope, str(request.user.pk))

    def unit_for(self, request: Request) -> AbstractContextManager[None]:
        """Return the unit of work of this request; reading `request.user` authenticates."""
        if self.own_transaction:
            return nullcontext()
        user = request.user
        actor = user if user and user.is_authenticated else context.PUBLIC
        read_only = request.method in SAFE_METHODS and not self.writes_when_safe
        return context.unit_of_work(actor, read_only=read_only)

    def _handler_for(self, request: Request) -> Callable[..., Response]:
        method = (request.method or "").lower()
        if method not in self.http_method_names:
            return self.http_method_not_allowed
        return getattr(self, method, self.http_method_not_allowed)


def validated(kind: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return what `kind(data=data)` makes of a body, by one instance for all: a new one copies each of its fields.

    For serializers that look at nothing but the data.

    Raises:
        ValidationError: as `is_valid(raise_exception=True)`.
    """
    if data is None:
        kind(data=data).is_valid(raise_exception=True)
    found: dict[str, Any] = _instance_of(kind).run_validation(data)
    return found


def shown(kind: type[Serializer[Any]], found: Any) -> dict[str, Any]:
    """Return `kind(found).data`, by one instance for all."""
    return dict(_instance_of(kind).to_representation(found))


@cache
def _instance_of(kind: type[Serializer[Any]]) -> Serializer[Any]:
    return kind()


def preferred_wait(request: Request) -> float:
    """Return how many seconds the client wants to wait (`Prefer: wait=N`, RFC 7240), at most what settings allow."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    longest: float = getattr(settings, "PREFER_WAIT_MAX_SECONDS", 30)
    return min(float(match["seconds"]), longest) if match else 0.0


def prefers_minimal(request: Request) -> bool:
    """Return whether the client knows what it sent and wants no copy of it (`Prefer: return=minimal`, RFC 7240)."""
    return bool(_MINIMAL.search(request.headers.get("Prefer", "")))


class CursorPagination(pagination.CursorPagination):
    """Newest first on the unique, time-ordered key; no COUNT, no page drifts when rows arrive."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


def record_denial(denial: NotPermitted, request: Request | HttpRequest) -> None:
    """Hand a refusal to the recorders, once its unit of work has rolled back."""
    for _, record in DENIAL_RECORDERS.items():
        record(denial, request)


def _record_denial(error: Exception, request: Request) -> None:
    """Hand a refusal (ours, Django's or DRF's 403) to the recorders; other errors are no refusals."""
    denial = NotPermitted(str(error)) if isinstance(error, PermissionDenied) else as_domain_error(error)
    if isinstance(denial, NotPermitted):
        record_denial(denial, request)
