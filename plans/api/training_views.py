"""Training over REST: what is due, what was done, moves, results, settings; small answers for bad connections."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Athlete
from accounts.preferences import today_of
from accounts.requests import acting_user
from accounts.scope import athlete_for
from accounts.services.consent import record_consent
from accounts.services.people import edit_athlete
from common.api import UnitOfWorkAPIMixin
from common.errors import InvalidInput, NotVisible
from common.idempotency import idempotent
from plans.api.review_serializers import NothingInSerializer
from plans.api.review_views import KEY
from plans.api.training_serializers import (
    CompletionInSerializer,
    CompletionSerializer,
    ConsentInSerializer,
    ConsentSerializer,
    DueSerializer,
    FeedbackInSerializer,
    FeedSerializer,
    MoveInSerializer,
    ResultInSerializer,
    SettingsSerializer,
    WeekAdherenceSerializer,
)
from plans.presentation import seconds_from
from plans.schedule import Due, adherence, schedule
from plans.services.calendar_feed import read_feed, revoke, subscribe
from plans.services.complete_session import complete_session
from plans.services.move_session import move_session
from plans.services.rate_cycle import rate_cycle, record_result
from plans.workouts import workout_file

LONGEST_SCHEDULE = timedelta(weeks=60)


class ScheduleView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(
        responses=DueSerializer(many=True),
        operation_id="athlete_schedule",
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATE, description="Default: today."),
            OpenApiParameter("until", OpenApiTypes.DATE, description="Included; default: four weeks on."),
        ],
    )
    def get(self, request: Request, athlete_id: UUID) -> HttpResponse:
        """The published sessions of an athlete."""
        athlete = athlete_for(acting_user(request), "plan:view", athlete_id)
        first = _day(request, "from") or today_of(athlete)
        if date.max - first < LONGEST_SCHEDULE:
            raise InvalidInput("from is too far away.", pointer="/from")
        last = _day(request, "until") or first + timedelta(weeks=4)
        if not first <= last <= first + LONGEST_SCHEDULE:
            raise InvalidInput("until must be up to 60 weeks after from.", pointer="/until")
        return _small(request, _dues(schedule(athlete.pk, first, last)))


class TodayView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=DueSerializer(many=True), operation_id="me_today")
    def get(self, request: Request) -> HttpResponse:
        """What is due today, in your own time zone."""
        athlete = _me(request)
        today = today_of(athlete)
        return _small(request, _dues(schedule(athlete.pk, today, today)))


class WeekView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=DueSerializer(many=True), operation_id="me_week")
    def get(self, request: Request) -> HttpResponse:
        """This week, Monday to Sunday."""
        athlete = _me(request)
        today = today_of(athlete)
        monday = today - timedelta(days=today.weekday())
        return _small(request, _dues(schedule(athlete.pk, monday, monday + timedelta(days=6))))


class AdherenceView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=WeekAdherenceSerializer(many=True), operation_id="me_adherence")
    def get(self, request: Request) -> HttpResponse:
        """How much of what was due was done, by week; a partly done session counts half."""
        athlete = _me(request)
        weeks = adherence(athlete.pk, today_of(athlete))
        return _small(request, WeekAdherenceSerializer(weeks, many=True).data)


class CompletionView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "history:import"}

    @extend_schema(
        request=CompletionInSerializer, responses={201: CompletionSerializer}, operation_id="session_completion",
        parameters=[KEY],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Say what became of a session; saying it again corrects it."""
        data = _valid(CompletionInSerializer, request)
        found = complete_session(session_id=session_id, acting_user=acting_user(request), **data)
        return Response(CompletionSerializer(found).data, status=status.HTTP_201_CREATED)


class WorkoutView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(
        responses={
            (200, "application/vnd.ant.fit"): OpenApiTypes.BINARY,
            (200, "application/xml"): OpenApiTypes.BINARY,
        },
        operation_id="session_workout",
        parameters=[OpenApiParameter("kind", OpenApiTypes.STR, OpenApiParameter.PATH, enum=["fit", "zwo"])],
    )
    def get(self, request: Request, session_id: UUID, kind: str) -> HttpResponse:
        """A published session as a structured workout: FIT for watches and head units, ZWO for Zwift."""
        content = workout_file(session_id=session_id, kind=kind, acting_user=acting_user(request))
        headers = {"Content-Disposition": f'attachment; filename="workout-{session_id}.{kind}"'}
        media_type = "application/xml" if kind == "zwo" else "application/vnd.ant.fit"
        return HttpResponse(content, content_type=media_type, headers=headers)


class MoveView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:approve"}

    @extend_schema(
        request=MoveInSerializer, responses=DueSerializer(many=True), operation_id="session_move", parameters=[KEY]
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Move a session within its week; answers with that week. The coach is told."""
        data = _valid(MoveInSerializer, request)
        version = move_session(
            plan_id=data["plan_id"], session_id=session_id, day=data["day"], acting_user=acting_user(request)
        )
        monday = data["day"] - timedelta(days=data["day"].weekday())
        return Response(_dues(schedule(version.athlete_id, monday, monday + timedelta(days=6))))


class ResultView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "history:import"}

    @extend_schema(
        request=ResultInSerializer, responses={201: OpenApiTypes.OBJECT}, operation_id="me_results", parameters=[KEY]
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Your race result: a test for the model, and the end of the plan towards that race."""
        data = _valid(ResultInSerializer, request)
        try:
            seconds = seconds_from(data["time"])
        except ValueError as error:
            raise InvalidInput(str(error), pointer="/time") from error
        test = record_result(
            athlete_id=_me(request).pk,
            race=data["race"],
            day=data["day"],
            seconds=seconds,
            acting_user=acting_user(request),
        )
        body = {"test_id": str(test.pk), "day": test.day.isoformat(), "value": test.value}
        return Response(body, status=status.HTTP_201_CREATED)


class FeedbackView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:approve"}

    @extend_schema(
        request=FeedbackInSerializer, responses={201: OpenApiTypes.OBJECT}, operation_id="plan_feedback",
        parameters=[KEY],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """How satisfied you were with the cycle, 1 to 5; once."""
        feedback = rate_cycle(
            plan_id=plan_id, acting_user=acting_user(request), **_valid(FeedbackInSerializer, request)
        )
        return Response({"id": str(feedback.pk), "score": feedback.score}, status=status.HTTP_201_CREATED)


class SettingsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "athlete:view", "PATCH": "athlete:edit"}

    @extend_schema(responses=SettingsSerializer, operation_id="me_settings")
    def get(self, request: Request) -> HttpResponse:
        """Your settings."""
        return _small(request, SettingsSerializer(_me(request)).data)

    @extend_schema(
        request=SettingsSerializer, responses=SettingsSerializer, operation_id="me_settings_change", parameters=[KEY]
    )
    @idempotent
    def patch(self, request: Request) -> Response:
        """Change settings; `personalised_plans` null follows what your tier offers, false means template plans."""
        checked = SettingsSerializer(data=request.data, partial=True)
        checked.is_valid(raise_exception=True)
        athlete = edit_athlete(
            athlete_id=_me(request).pk, changes=checked.validated_data, acting_user=acting_user(request)
        )
        return Response(SettingsSerializer(athlete).data)


class ConsentView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"PUT": "consent:record"}

    @extend_schema(request=ConsentInSerializer, responses=ConsentSerializer, operation_id="me_consent")
    def put(self, request: Request, purpose: str) -> Response:
        """Grant or withdraw consent for a purpose."""
        data = _valid(ConsentInSerializer, request)
        consent = record_consent(athlete_id=_me(request).pk, purpose=purpose, acting_user=acting_user(request), **data)
        return Response(ConsentSerializer(consent).data)


class CalendarView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "athlete:edit"}

    @extend_schema(request=None, responses={201: FeedSerializer}, operation_id="me_calendar", parameters=[KEY])
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a calendar address to subscribe to (Google, Apple); it is shown once."""
        _valid(NothingInSerializer, request)
        feed, token = subscribe(athlete_id=_me(request).pk, acting_user=acting_user(request))
        body = {"id": str(feed.pk), "url": f"{settings.PUBLIC_URL}/calendar/{token}.ics"}
        return Response(body, status=status.HTTP_201_CREATED)


class CalendarRevokeView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"DELETE": "athlete:edit"}

    @extend_schema(responses={204: None}, operation_id="me_calendar_revoke")
    def delete(self, request: Request, feed_id: UUID) -> Response:
        """End a calendar address."""
        revoke(feed_id=feed_id, acting_user=acting_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar behind a secret address; calendar programs send no log-in."""
    try:
        content = read_feed(token)
    except NotVisible:
        return HttpResponse("There is no such calendar.", status=404, content_type="text/plain; charset=utf-8")
    etag = f'"{hashlib.sha256(_without_stamp(content)).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=900"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)


def _without_stamp(content: bytes) -> bytes:
    return b"\n".join(line for line in content.splitlines() if not line.startswith(b"DTSTAMP"))


def _me(request: Request) -> Athlete:
    athlete = Athlete.objects.filter(user=acting_user(request)).first()
    if athlete is None:
        raise NotVisible("You are no athlete; this is an athlete's own page.")
    return athlete


def _dues(dues: list[Due]) -> list[dict[str, Any]]:
    return list(DueSerializer(dues, many=True).data)


def _small(request: Request, body: Any) -> HttpResponse:
    """Answer with a tag of the content, or with 304 where the client has it already (RFC 9110, section 13.1.2)."""
    text = json.dumps(body, cls=DjangoJSONEncoder, sort_keys=True)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    return Response(body, headers=headers)


def _valid(serializer: Any, request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _day(request: Request, name: str) -> date | None:
    raw = request.query_params.get(name)
    if not raw:
        return None
    try:
        day = parse_date(raw)
    except ValueError:
        day = None
    if day is None:
        raise InvalidInput(f"{name} is no day (YYYY-MM-DD).", pointer=f"/{name}")
    return day
