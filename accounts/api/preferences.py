"""A person's own preferences."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Intensity, Language, Units
from accounts.preferences import Preferences, chosen_by
from accounts.requests import acting_user
from accounts.services.preferences import preferences_etag, set_preferences
from common.api import UnitOfWorkAPIMixin
from common.etag import expected_etags


class PreferencesSerializer(serializers.Serializer[Any]):
    language = serializers.ChoiceField(
        choices=Language.choices, allow_blank=True, required=False, help_text="Blank: what the browser asks for."
    )
    time_zone = serializers.CharField(
        max_length=60,
        allow_blank=True,
        required=False,
        help_text="An IANA name such as Europe/Berlin; blank: the company's.",
    )
    units = serializers.ChoiceField(choices=Units.choices, allow_blank=True, required=False)
    intensity = serializers.ChoiceField(
        choices=Intensity.choices,
        allow_blank=True,
        required=False,
        help_text="How targets are shown where a step has this one; blank: as prescribed.",
    )


class PreferencesView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": None, "PATCH": None}

    @extend_schema(responses=PreferencesSerializer, operation_id="me_preferences")
    def get(self, request: Request) -> Response:
        """What you chose: language, time zone, units, how intensity is shown. Blank follows browser or company."""
        return _answer(chosen_by(acting_user(request)))

    @extend_schema(
        request=PreferencesSerializer,
        responses=PreferencesSerializer,
        operation_id="me_preferences_change",
        parameters=[OpenApiParameter("If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, required=True)],
    )
    def patch(self, request: Request) -> Response:
        """Choose; what is left out stays. They change pages, mails and calendars, never the API's units."""
        expected = expected_etags(request)
        checked = PreferencesSerializer(data=request.data, partial=True)
        checked.is_valid(raise_exception=True)
        return _answer(
            set_preferences(changes=checked.validated_data, acting_user=acting_user(request), expected=expected)
        )


def _answer(found: Preferences) -> Response:
    return Response(found.as_json(), headers={"ETag": preferences_etag(found), "Cache-Control": "private, no-cache"})
