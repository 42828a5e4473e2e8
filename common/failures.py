"""What a browser is shown where no page can be: refused, not found, not available, broken.

The API answers with problems (`common.problem`); these pages say the same to people. They are made without the
database, the session or the admin's theme: each of those may be what has just failed.
"""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from common.context import request_info
from common.language import asked_language
from common.problem import Unavailable, is_database_away

TEXTS: dict[int, tuple[Any, Any]] = {
    400: (_("The request cannot be read"), _("Go back, load the page again and send it once more.")),
    403: (
        _("You may not do this"),
        _("Your role does not allow it, or not for this athlete. Ask an administrator if it should."),
    ),
    404: (_("There is no such page"), _("It was removed, or it is not yours to see.")),
    500: (
        _("Something went wrong on our side"),
        _(
            "Tell whoever looks after Mesocycle the number below: the log says more under it. If you were saving: look"
            " first whether it was saved."
        ),
    ),
    503: (
        _("Not available at the moment"),
        _("Load the page again in a few seconds. If you were saving: look first whether it was saved."),
    ),
}
STALE_FORM = (
    _("This form cannot be sent any more"),
    _("It was open since before you logged in, or cookies are switched off. Go back, load the page again and send it."),
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400."""
    return _page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return _page(request, 403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return _page(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form whose token is missing or old (`CSRF_FAILURE_VIEW`)."""
    return _page(request, 403, STALE_FORM)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 with `Retry-After` while the database is away, else 500; Django calls this where it has caught it."""
    error = sys.exc_info()[1]
    if not isinstance(error, Exception) or not is_database_away(error):
        return _page(request, 500)
    answer = _page(request, Unavailable.status)
    answer.headers["Retry-After"] = str(Unavailable.retry_after)
    return answer


def _page(request: HttpRequest, status: int, texts: tuple[Any, Any] | None = None) -> HttpResponse:
    """Return the page in the reader's language, as far as the request got to know it."""
    language = getattr(request, "LANGUAGE_CODE", "") or asked_language(request) or settings.COMPANY_LANGUAGE
    info = request_info.get()
    title, advice = texts or TEXTS[status]
    with translation.override(language):
        words = {"status": status, "title": title, "advice": advice, "request_id": info.request_id if info else ""}
        # Without a request: context processors would ask who it is, and for their messages.
        text = render_to_string("common/failure.html", words | {"language": language})
    answer = HttpResponse(text, status=status)
    answer.headers["Cache-Control"] = "no-store"
    return answer
