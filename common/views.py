"""Pages without a domain: what a problem type means."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from common.problem import explanation


@require_safe
def problem_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Explain the problem type that an API answer's `type` points at."""
    known = explanation(slug)
    if known is None:
        raise Http404
    title, status, text = known
    return render(request, "common/problem.html", {"slug": slug, "title": title, "status": status, "text": text})
