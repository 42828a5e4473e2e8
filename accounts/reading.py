"""Language and time zone of what somebody reads: pages by their choice, the API by what the client asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from accounts.models import User
from accounts.preferences import reader_of, reading_as
from common.language import asked_language

PAGES: Final = "/admin/"
DOCUMENTATION: Final = ("/api/schema/", "/api/docs/")
_READ: Final = ("text/html", "application/problem+json")


class ReaderMiddleware:
    """Translate pages into what the person chose, else their browser, else the company; show times in their zone.

    Under `/api/` only `Accept-Language` counts here; `UnitOfWorkAPIMixin` turns to the person's choice where the client
    names no language that we have. The API's times are UTC and its units SI for everybody.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        asked = asked_language(request)
        user = _person(request)
        language = (user.language if user else "") or asked or settings.COMPANY_LANGUAGE
        if request.path.startswith(DOCUMENTATION):
            language = settings.LANGUAGE_CODE
        reader = reader_of(user)
        zone = ZoneInfo(reader.time_zone) if user else timezone.get_default_timezone()
        with translation.override(language), timezone.override(zone), reading_as(reader):
            request.LANGUAGE_CODE = language  # type: ignore[attr-defined]  # as Django's own middleware does
            response = self.get_response(request)
            if response.get("Content-Type", "").startswith(_READ):
                response.headers.setdefault("Content-Language", translation.get_language() or language)
                patch_vary_headers(response, ("Accept-Language",))
        return response


def _person(request: HttpRequest) -> User | None:
    """Return who looks at a page of ours; nobody for the API, which asks for a token first, and for who is unknown."""
    if not request.path.startswith(PAGES) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    return request.user if isinstance(request.user, User) else None
