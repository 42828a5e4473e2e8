"""Each request gets an id, a believable origin, a place in the roll-up, and problems instead of HTML errors."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from common import rollup
from common.context import RequestInfo, requested_by
from common.ids import uuid7
from common.problem import problem_for_status
from common.tracing import traced

API_PREFIX = "/api/"
USER_AGENT_LENGTH = 400


class RequestContextMiddleware:
    """Bind request id, trace, origin and user agent for logs and audit; under /api/ answer with problem documents."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        started = time.perf_counter()
        info = RequestInfo(
            request_id=request_id_of(request),
            origin_ip=origin_ip(request),
            user_agent=request.headers.get("User-Agent", "")[:USER_AGENT_LENGTH],
        )
        ids = structlog.contextvars.bound_contextvars(request_id=str(info.request_id))
        with requested_by(info), traced(request.headers), ids:
            response = self.get_response(request)
            if _is_plain_error(request, response):
                response = problem_for_status(response, request)
            response.headers["X-Request-ID"] = str(info.request_id)
            # For the access log (`config/gunicorn.py`), which must not write addresses.
            request.META["mesocycle.route"] = rollup.route_of(request)
            request.META["mesocycle.request_id"] = str(info.request_id)
            rollup.count(request, response, seconds=time.perf_counter() - started)
        return response


def request_id_of(request: HttpRequest) -> UUID:
    """Return the caller's X-Request-ID if it is a UUID (nothing else gets into our logs), else a new one."""
    try:
        return UUID(request.headers.get("X-Request-ID", ""))
    except ValueError:
        return uuid7()


def origin_ip(request: HttpRequest) -> str | None:
    """Return where the request came from.

    `X-Forwarded-For` is read from the right, past our own proxies (`settings.TRUSTED_PROXIES`, addresses or networks):
    whatever stands further left was written by the client and proves nothing.
    """
    address = _address(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while address is not None and _is_trusted(address) and forwarded:
        further = _address(forwarded.pop())
        if further is None:
            break
        address = further
    return str(address) if address else None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _is_trusted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    proxies: list[str] = getattr(settings, "TRUSTED_PROXIES", [])
    return any(address in ipaddress.ip_network(proxy, strict=False) for proxy in proxies)


def _is_plain_error(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether Django itself, not a REST view, answered an API request with an error page."""
    return (
        response.status_code >= 400
        and request.path.startswith(API_PREFIX)
        and not hasattr(response, "accepted_renderer")
        and not response.get("Content-Type", "").startswith("application/")
    )
