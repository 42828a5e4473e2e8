"""The pages' scripts' texts in the reader's language, as a file that the browser keeps."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.http import require_safe
from django.views.i18n import JavaScriptCatalog

_view = JavaScriptCatalog.as_view(packages=["django.contrib.admin"])  # and whatever lies in LOCALE_PATHS


@require_safe
def page_texts(request: HttpRequest) -> HttpResponse:
    """`gettext` and `ngettext` for scripts, with the language that the address names, if we have it."""
    named = request.GET.get("language", "")
    language = named if named in dict(settings.LANGUAGES) else translation.get_language() or settings.LANGUAGE_CODE
    with translation.override(language):
        found = cast("HttpResponse", _view(request))
    response = HttpResponse(found.content, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response


def page_texts_address(request: HttpRequest) -> str:
    """Return the address for the language at hand; it changes with the texts, so that none is shown for too long."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return f"{reverse('page-texts')}?language={language}&texts={_edition(language)}"


@cache
def _edition(language: str) -> str:
    """Return the first characters of the hash of a language's texts for scripts."""
    found = Path(settings.LOCALE_PATHS[0], translation.to_locale(language), "LC_MESSAGES", "djangojs.mo")
    return hashlib.sha256(found.read_bytes() if found.exists() else b"").hexdigest()[:8]
