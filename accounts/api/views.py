"""Log-in, refresh, log-out and "who am I"."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Athlete
from accounts.requests import acting_user
from accounts.scope import athletes_in_scope
from accounts.services import tokens
from common.api import CursorPagination, UnitOfWorkAPIMixin


class CredentialsSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=200)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4000)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class AthleteBriefSerializer(serializers.ModelSerializer[Athlete]):
    class Meta:
        model = Athlete
        fields = ("id", "name", "sport", "level", "tier", "time_zone", "units", "is_synthetic")
        read_only_fields = fields


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.CharField()
    athlete_id = serializers.UUIDField(allow_null=True)


class _PublicView(UnitOfWorkAPIMixin):
    """Nobody is logged in yet; the services open their own unit of work as the user they find."""

    own_transaction = True
    authentication_classes = ()
    permission_classes = (AllowAny,)


class TokenView(_PublicView):
    @extend_schema(request=CredentialsSerializer, responses=TokenPairSerializer, operation_id="auth_token")
    def post(self, request: Request) -> Response:
        """Exchange e-mail and password for an access and a refresh token."""
        data = CredentialsSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        pair = tokens.log_in(**data.validated_data)
        return Response({"access": pair.access, "refresh": pair.refresh})


class RefreshView(_PublicView):
    @extend_schema(request=RefreshSerializer, responses=TokenPairSerializer, operation_id="auth_token_refresh")
    def post(self, request: Request) -> Response:
        """Exchange a refresh token, once, for a new pair."""
        data = RefreshSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        pair = tokens.refresh(token=data.validated_data["refresh"])
        return Response({"access": pair.access, "refresh": pair.refresh})


class LogoutView(_PublicView):
    @extend_schema(request=RefreshSerializer, responses={204: None}, operation_id="auth_logout")
    def post(self, request: Request) -> Response:
        """End the session that a refresh token belongs to."""
        data = RefreshSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        tokens.log_out(token=data.validated_data["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": None}

    @extend_schema(responses=MeSerializer, operation_id="me")
    def get(self, request: Request) -> Response:
        """Who the caller is, and which athlete they are."""
        user = acting_user(request)
        athlete = Athlete.objects.filter(user=user).first()
        body = {"id": user.pk, "email": user.email, "name": user.name, "role": user.role}
        return Response(MeSerializer({**body, "athlete_id": athlete.pk if athlete else None}).data)


class AthleteListView(UnitOfWorkAPIMixin):
    pagination_class = CursorPagination
    verbs: ClassVar = {"GET": "athlete:view"}

    @extend_schema(responses=AthleteBriefSerializer(many=True), operation_id="athletes_list")
    def get(self, request: Request) -> Response:
        """The athletes in the caller's scope, newest first."""
        rows = Athlete.objects.filter(athletes_in_scope(acting_user(request), "athlete:view"))
        paginator = self.pagination_class()
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(AthleteBriefSerializer(page, many=True).data)
