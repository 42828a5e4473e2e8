"""A plan's changelog over REST: by page, and as a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.http import HttpResponse
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import make_aware
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin
from common.browsable import BrowsableRenderer
from common.errors import InvalidInput
from plans.api import review_serializers as s
from plans.changelog import Filter, changelog
from plans.policies import plan_for
from plans.services.export_changelog import CONTENT_TYPE, export_changelog

PERIOD = [
    OpenApiParameter("from", OpenApiTypes.DATETIME, description="Day or moment, included."),
    OpenApiParameter("until", OpenApiTypes.DATETIME, description="Day or moment, not included."),
    OpenApiParameter("user", OpenApiTypes.UUID, description="Who did it."),
]
MOST_ENTRIES = 200


class ChangelogView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(
        responses=s.ChangelogPageSerializer,
        operation_id="plan_changelog",
        parameters=[
            *PERIOD,
            OpenApiParameter("cursor", OpenApiTypes.UUID, description="From `next`."),
            OpenApiParameter("page_size", OpenApiTypes.INT),
        ],
    )
    def get(self, request: Request, plan_id: UUID) -> Response:
        """Changes, decisions and comments, newest first."""
        plan = plan_for(acting_user(request), plan_id)
        size = _page_size(request)
        chosen = replace(_chosen(request), before=_uuid(request, "cursor"))
        entries = changelog(acting_user(request), plan, chosen, limit=size + 1)
        more, entries = len(entries) > size, entries[:size]
        query = request.query_params.copy()
        if more:
            query["cursor"] = str(entries[-1].id)
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}") if more else None
        return Response({"next": following, "results": s.ChangelogEntrySerializer(entries, many=True).data})


class CsvRenderer(JSONRenderer):
    """Lets clients ask for `text/csv`; the file itself is no serialised data, and what is refused stays JSON."""

    media_type = "text/csv"
    format = "csv"


class ChangelogCsvView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}
    writes_when_safe = True  # the audit event of the export
    limits: ClassVar = {"GET": "export"}
    renderer_classes = (CsvRenderer, JSONRenderer, BrowsableRenderer)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.STR},
        operation_id="plan_changelog_csv",
        parameters=[*PERIOD, OpenApiParameter("format", exclude=True)],
    )
    def get(self, request: Request, plan_id: UUID) -> HttpResponse:
        """The changelog as a file: what you may read of it, newest first, up to 10 MB. Every export is recorded."""
        export = export_changelog(plan_id=plan_id, chosen=_chosen(request), acting_user=acting_user(request))
        return HttpResponse(export.content, content_type=CONTENT_TYPE, headers=export.headers)


def _chosen(request: Request) -> Filter:
    return Filter(since=_moment(request, "from"), until=_moment(request, "until"), user_id=_uuid(request, "user"))


def _page_size(request: Request) -> int:
    raw = request.query_params.get("page_size", "50")
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:6]) <= MOST_ENTRIES:
        raise InvalidInput(f"page_size is a number from 1 to {MOST_ENTRIES}.", pointer="/page_size")
    return int(raw)


def _uuid(request: Request, name: str) -> UUID | None:
    raw = request.query_params.get(name)
    try:
        return UUID(raw) if raw else None
    except ValueError as error:
        raise InvalidInput(f"{name} is no id.", pointer=f"/{name}") from error


def _moment(request: Request, name: str) -> datetime | None:
    raw = request.query_params.get(name)
    if not raw:
        return None
    try:
        moment = parse_datetime(raw)
        day = parse_date(raw) if moment is None else None
    except ValueError as error:
        raise InvalidInput(f"{name} is no day or moment.", pointer=f"/{name}") from error
    found = moment or (datetime(day.year, day.month, day.day) if day else None)
    if found is None:
        raise InvalidInput(f"{name} is no day or moment (ISO 8601).", pointer=f"/{name}")
    return found if found.tzinfo else make_aware(found)
