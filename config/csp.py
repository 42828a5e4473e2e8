"""The policy of `config.settings.content_security` on each answer."""

from __future__ import annotations

from typing import Final

from csp.constants import UNSAFE_EVAL
from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

EVALUATING: Final = ("/admin/", "/password/")
"""Pages in the admin's theme, whose scripts evaluate expressions (Alpine)."""


class PolicyMiddleware(CSPMiddleware):
    """Send the policy; where the theme runs, scripts may evaluate. An injected script runs nowhere."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add what the address wants, then the header."""
        if request.path.startswith(EVALUATING):
            response._csp_update = {"script-src": [UNSAFE_EVAL]}  # type: ignore[attr-defined]  # django-csp reads it
        return super().process_response(request, response)
