"""Which language a request asks for, and turning to one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.request import Request


def asked_language(request: HttpRequest | Request) -> str:
    """Return the first of `Accept-Language` (RFC 9110, section 12.5.4) that we have, blank where there is none."""
    for wanted, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if wanted == "*":
            break
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return ""


def language_of(user: Any) -> str:
    """Return what a person chose, else the company's: for mails, which no browser asks for."""
    return getattr(user, "language", "") or settings.COMPANY_LANGUAGE


def turn_to(user: Any, request: Request) -> None:
    """Turn to a person's language for the rest of the request, unless the client names one; for the API."""
    chosen = getattr(user, "language", "")
    if chosen and not asked_language(request):
        translation.activate(chosen)
