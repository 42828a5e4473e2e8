"""Every error of the API in one shape: application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import set_rollback

from common.context import request_info
from common.errors import (
    PROBLEM_TYPES,
    Busy,
    DomainError,
    InternalError,
    InvalidInput,
    NotAuthenticated,
    NotPermitted,
    NotVisible,
    Unavailable,
    flatten_errors,
)
from common.translating.showing import shown
from common.validation import invalid_input_from

CONTENT_TYPE = "application/problem+json"
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's SQLSTATE
_SHUTTING_DOWN = frozenset({"57P01", "57P02", "57P03"})
_CONNECTION_EXCEPTION = "08"  # the class of SQLSTATE

# What the framework refuses before any domain code runs: status → (slug, title, explanation on the problem's page).
FRAMEWORK_PROBLEMS: dict[int, tuple[str, str, str]] = {
    400: ("malformed-request", "The request cannot be read", "The body is not what its Content-Type says."),
    401: ("not-authenticated", "Who are you?", ""),
    403: ("forbidden", "Not permitted", ""),
    404: ("not-found", "Not found", ""),
    405: ("method-not-allowed", "Method not allowed", "The address exists but does not know this method; see Allow."),
    406: ("not-acceptable", "No such representation", "The address has no representation that Accept asks for."),
    413: ("too-large", "The request is too large", "Send less at once."),
    415: ("unsupported-media-type", "Unsupported media type", "Send JSON, or multipart/form-data for files."),
    429: ("throttled", "Too many requests", "The header Retry-After says when to come again."),
}


class ProblemRenderer(JSONRenderer):
    """JSON, labelled as a problem."""

    media_type = CONTENT_TYPE
    format = "problem"
    charset = None


def problem_document(status: int, *, detail: str = "", instance: str | None = None) -> dict[str, Any]:
    """Return the problem for a bare HTTP status."""
    slug, title, _ = FRAMEWORK_PROBLEMS.get(status, ("", "", ""))
    problem: dict[str, Any] = {
        "type": f"/problems/{slug}/" if slug else "about:blank",
        "title": shown(title or HTTPStatus(status).phrase),
        "status": status,
        "detail": shown(detail or title or HTTPStatus(status).phrase),
    }
    return {**problem, "instance": instance} if instance else problem


def internal_problem(*, instance: str | None = None) -> dict[str, Any]:
    """Return what clients learn of an unexpected error: that it happened, and the id by which we find it."""
    info = request_info.get()
    members = {"request_id": str(info.request_id)} if info else {}
    return translated(InternalError(**members).as_problem(instance=instance))


def translated(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem with title and details in the language at hand; what it is, its `type`, stays the same."""
    found = dict(problem)
    for name in ("title", "detail"):
        if isinstance(found.get(name), str):
            found[name] = shown(found[name])
    if isinstance(found.get("errors"), list):
        found["errors"] = [one | {"detail": shown(one["detail"])} for one in found["errors"] if "detail" in one]
    return found


def as_domain_error(error: Exception) -> DomainError | None:
    """Return Django's own exceptions as ours; None for what is neither."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, Http404):
        return NotVisible()
    if isinstance(error, PermissionDenied):
        return NotPermitted()
    if isinstance(error, DjangoValidationError):
        return invalid_input_from(error)
    if isinstance(error, exceptions.ValidationError):
        return InvalidInput(errors=flatten_errors(error.detail))
    if isinstance(error, OperationalError) and is_lock_timeout(error):
        return Busy()
    if is_database_away(error):
        return Unavailable()
    return None


def is_lock_timeout(error: OperationalError) -> bool:
    """Return whether waiting for a lock took too long; every other operational error is a fault, not a conflict."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state == _LOCK_NOT_AVAILABLE or str(error).startswith("database is locked")


def is_database_away(error: Exception) -> bool:
    """Return whether PostgreSQL cannot be reached, or ended the session: whoever asks again may be lucky.

    Where the connection was lost in a COMMIT, nobody knows whether it was done; the idempotency key finds out.
    """
    if not isinstance(error, OperationalError | InterfaceError) or not hasattr(error.__cause__, "sqlstate"):
        return False
    state = error.__cause__.sqlstate  # type: ignore[union-attr]
    return state is None or state in _SHUTTING_DOWN or state.startswith(_CONNECTION_EXCEPTION)


def problem_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Handle an exception of a DRF view; None (a 500 by Django, with the traceback in our logs) for unexpected ones."""
    request = context["request"]
    domain_error = as_domain_error(error)
    if domain_error is not None:
        problem = translated(domain_error.as_problem(instance=request.path))
    elif isinstance(error, exceptions.APIException):
        problem = problem_document(error.status_code, detail=_text(error.detail), instance=request.path)
    elif isinstance(error, SuspiciousOperation):
        too_large = isinstance(error, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent)
        problem = problem_document(413 if too_large else 400, instance=request.path)
    else:
        return None
    set_rollback()
    if "text/html" not in request.headers.get("Accept", ""):
        request.accepted_renderer = ProblemRenderer()
        request.accepted_media_type = CONTENT_TYPE
    return Response(problem, status=problem["status"], headers=_headers(domain_error or error))


def problem_for_status(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """Return Django's HTML error page as a problem with the same status and headers."""
    with translation.override(getattr(request, "LANGUAGE_CODE", settings.LANGUAGE_CODE)):
        if response.status_code == Unavailable.status:
            problem = translated(Unavailable().as_problem(instance=request.path))
        elif response.status_code >= 500:
            problem = internal_problem(instance=request.path)
            problem["status"] = response.status_code
        else:
            problem = problem_document(response.status_code, instance=request.path)
    answer = HttpResponse(json.dumps(problem, cls=JSONEncoder), status=response.status_code, content_type=CONTENT_TYPE)
    for name in ("Allow", "Retry-After", "WWW-Authenticate"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    answer.cookies = response.cookies
    return answer


def explanation(slug: str) -> tuple[str, int, str] | None:
    """Return (title, status, what it means and what to do) of a problem type, None for an unknown one."""
    known = PROBLEM_TYPES.get(slug)
    if known:
        return known.title, known.status, " ".join((known.__doc__ or "").split())
    for status, (name, title, text) in FRAMEWORK_PROBLEMS.items():
        if name == slug:
            return title, status, text
    return None


def _headers(error: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after", None) or getattr(error, "wait", None)
    if retry_after:
        headers["Retry-After"] = str(max(1, round(retry_after)))
    challenge = getattr(error, "auth_header", None)
    if challenge or isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = str(challenge or 'Bearer realm="api"')
    if isinstance(error, DomainError) and "current_etag" in error.members:
        headers["ETag"] = str(error.members["current_etag"])
    return headers


def _text(detail: Any) -> str:
    if isinstance(detail, dict):
        return str(detail.get("detail") or next(iter(detail.values()), ""))
    return " ".join(map(str, detail)) if isinstance(detail, list) else str(detail)
