"""Plans over REST: ask for one, follow the request, read plans and versions."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.models import Athlete
from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin, preferred_wait
from common.context import unit_of_work
from common.errors import InvalidInput
from common.idempotency import StoredResponse, idempotent
from common.jobs import JobState, wait_for
from plans.api.serializers import (
    PlanRequestInSerializer,
    PlanRequestSerializer,
    PlanSerializer,
)
from plans.models import Plan, State
from plans.policies import plan_for, plans_for
from plans.services.request_plan import job_of, request_for, request_plan
from plans.services.versions import etag_of
from plans.workflow import PENDING


class PlanFilter(django_filters.FilterSet):
    status = django_filters.CharFilter(method="with_status", help_text="A state, or `pending`: whatever awaits review.")
    coach_id = django_filters.UUIDFilter(method="of_coach", help_text="Athletes whom this coach has a link to.")
    athlete_id = django_filters.UUIDFilter(field_name="athlete_id")

    class Meta:
        model = Plan
        fields: tuple[str, ...] = ()

    def with_status(self, rows: QuerySet[Plan], name: str, value: str) -> QuerySet[Plan]:
        if value == "pending":
            return rows.filter(status__in=sorted(PENDING))
        if value not in list(State):
            raise InvalidInput(f"status is pending or one of {', '.join(State)}.", pointer="/status")
        return rows.filter(status=value)

    def of_coach(self, rows: QuerySet[Plan], name: str, value: UUID) -> QuerySet[Plan]:
        return rows.filter(athlete__coach_links__coach_id=value, athlete__coach_links__active_until=None)


class PlanListView(UnitOfWorkAPIMixin, generics.ListAPIView[Plan]):
    verbs: ClassVar = {"GET": "plan:view", "POST": "plan:generate"}
    serializer_class = PlanSerializer
    filterset_class = PlanFilter
    limits: ClassVar = {"POST": "generation"}

    @property
    def own_transaction(self) -> bool:  # type: ignore[override]
        """Asking for a plan commits before it waits; reading needs nothing of the kind."""
        return self.request.method == "POST"

    def get_queryset(self) -> QuerySet[Plan]:
        return (
            plans_for(acting_user(self.request))
            if not getattr(self, "swagger_fake_view", False)
            else Plan.objects.none()
        )

    @extend_schema(
        request=PlanRequestInSerializer,
        responses={201: PlanSerializer, 202: PlanRequestSerializer},
        parameters=[
            OpenApiParameter("Prefer", OpenApiTypes.STR, OpenApiParameter.HEADER, description="`wait=N`, seconds."),
            OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER),
        ],
        operation_id="plans_request",
    )
    @idempotent(replay=lambda view, request, stored: view.answer(request, stored))
    def post(self, request: Request) -> Response:
        """Ask for a plan: 202 with a status resource; with `Prefer: wait=N`, 201 with the plan if it is there in
        time."""
        data = PlanRequestInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        athlete_id = data.validated_data.get("athlete_id") or _own_athlete_id(request)
        generation = request_plan(athlete_id=athlete_id, wish=data.wish(), acting_user=acting_user(request))
        body = PlanRequestSerializer(job_of(generation)).data
        location = reverse("plan-request", args=[generation.job_id], request=request)
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": location, "Retry-After": "1"})

    def answer(self, request: Request, stored: StoredResponse) -> Response:
        """Turn the committed 202 into a 201 if the caller prefers to wait and the plan is there in time."""
        job = wait_for(UUID(str(stored.body["id"])), seconds=preferred_wait(request))
        if job.state != JobState.DONE or not preferred_wait(request):
            response = stored.as_response()
            response.data = PlanRequestSerializer(job).data
            return response
        with unit_of_work(acting_user(request), read_only=True):
            plan = plan_for(acting_user(request), UUID((job.result or {})["plan_id"]))
            body = PlanSerializer(plan, context={"request": request}).data
        place = reverse("plan", args=[plan.pk], request=request)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": place})


class PlanRequestView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:generate"}

    @extend_schema(responses=PlanRequestSerializer, operation_id="plan_request")
    def get(self, request: Request, job_id: UUID) -> Response:
        """Where a request for a plan stands: queued, running with progress, done with `plan_id`, failed with a
        problem."""
        job = request_for(acting_user(request), job_id)
        headers = {} if job.is_finished else {"Retry-After": "1"}
        return Response(PlanRequestSerializer(job).data, headers=headers)


class PlanView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=PlanSerializer, operation_id="plan")
    def get(self, request: Request, plan_id: UUID) -> Response:
        """A plan's head with its latest version's summary."""
        plan = plan_for(acting_user(request), plan_id)
        body = PlanSerializer(plan, context={"request": request}).data
        return Response(body, headers={"ETag": etag_of(plan)})


def _own_athlete_id(request: Request) -> UUID:
    athlete = Athlete.objects.filter(user=acting_user(request)).first()
    if athlete is None:
        raise InvalidInput("Say for which athlete.", pointer="/athlete_id")
    return athlete.pk
