"""A placeholder that another page replaces: the draft's state and what may be done to it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from common.errors import NotVisible
from experiments.models import Experiment


def preview_page(admin: Any, request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Show the draft's name."""
    experiment = Experiment.objects.filter(pk=object_id).first()
    if experiment is None:
        raise NotVisible("There is no such experiment.")
    response: HttpResponse = admin.page(
        request, "experiments/placeholder.html", experiment.name, experiment=experiment, what="Preview"
    )
    return response
