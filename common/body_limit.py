"""No more of a body than its address takes, refused before anything reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse

from common.errors import InvalidInput
from common.problem import CONTENT_TYPE, problem_document


class BodyLimitMiddleware:
    """Answer 413 where Content-Length is over the limit of the address.

    Django bounds the fields of a form but no file in it, and reads all of it to look for the CSRF token, for anybody:
    a log-in page would take files for as long as the disk lasts. Views marked by `takes_files` take
    `UPLOAD_MAX_REQUEST_BYTES`, everything else `DATA_UPLOAD_MAX_MEMORY_SIZE`. Without Content-Length Django reads
    nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on; the address is known in `process_view`."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Refuse what is too long."""
        takes = getattr(getattr(view, "cls", view), "takes_files", False)
        most: int = settings.UPLOAD_MAX_REQUEST_BYTES if takes else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if _length_of(request) <= most:
            return None
        detail = f"This address takes {most} bytes at once."
        problem = problem_document(413, detail=detail, instance=request.path)
        return JsonResponse(problem, status=413, content_type=CONTENT_TYPE)


def takes_files(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view as one that files are sent to; a class says `takes_files = True`."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def refuse_large_files(files: Iterable[UploadedFile]) -> None:
    """Refuse files over `UPLOAD_MAX_BYTES`.

    Raises:
        InvalidInput: names those that are too large.
    """
    most: int = settings.UPLOAD_MAX_BYTES
    too_large = [str(file.name) for file in files if (file.size or 0) > most]
    if too_large:
        raise InvalidInput(
            f"{', '.join(too_large)}: larger than the {most} bytes that a file may have.", pointer="/file"
        )


def _length_of(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
