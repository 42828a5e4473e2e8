"""What a load balancer asks: does this process answer, and can it work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from common.registries import Registry

# What apps tell of themselves to whoever asks for readiness; it may not query and decides nothing.
HEALTH: Registry[Callable[[], dict[str, Any]]] = Registry("health")


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Answer; nothing else is looked at."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database answers and the process is not drained, else 503; with what the apps tell."""
    answers = _database_answers()
    told = {name: tell() for name, tell in HEALTH.items()}
    status = "unavailable" if not answers else "draining" if _is_drained() else "ok"
    return JsonResponse({"status": status, "database": answers, **told}, status=200 if status == "ok" else 503)


def _is_drained() -> bool:
    """Return whether the process is about to stop, or somebody took it out of service (`DRAIN_FILE`)."""
    return bool(settings.DRAIN_FILE) and Path(settings.DRAIN_FILE).exists()


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseFault:
        return False
    return True
