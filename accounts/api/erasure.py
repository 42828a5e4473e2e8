"""An athlete asks to be erased."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Athlete, ErasureRequest, ErasureState
from accounts.requests import acting_user
from accounts.scope import require
from accounts.services.erasure import request_erasure
from common.api import UnitOfWorkAPIMixin
from common.errors import NotVisible
from common.idempotency import idempotent
from common.keys import key_ring

KEY = OpenApiParameter("Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER)
NO_REASON = "asked for by the athlete"


class ErasureInSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, required=False, help_text="Why, if you want to say it.")


class ErasureSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=ErasureState.choices)
    decided_at = serializers.DateTimeField(allow_null=True)
    answer = serializers.CharField(help_text="Why it was refused.")


def _body(asked: ErasureRequest) -> dict[str, Any]:
    return {
        "id": str(asked.pk),
        "created_at": asked.created_at,
        "state": asked.state,
        "decided_at": asked.decided_at,
        "answer": key_ring([asked.athlete_id]).read(asked.athlete_id, asked.answer),
    }


class MyErasureView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "erasure:request", "POST": "erasure:request"}

    @extend_schema(responses=ErasureSerializer, operation_id="my_erasure")
    def get(self, request: Request) -> Response:
        """What became of your newest request to be erased."""
        asked = ErasureRequest.objects.filter(athlete=_own(request)).first()
        if asked is None:
            raise NotVisible("You have not asked to be erased.")
        return Response(_body(asked))

    @extend_schema(
        request=ErasureInSerializer,
        responses={201: ErasureSerializer},
        parameters=[KEY],
        operation_id="my_erasure_request",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask to be erased; an administrator confirms it, and you cannot log in from then on."""
        data = ErasureInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        asked = request_erasure(
            athlete_id=_own(request).pk,
            reason=data.validated_data.get("reason", NO_REASON),
            acting_user=acting_user(request),
        )
        return Response(_body(asked), status=status.HTTP_201_CREATED)


def _own(request: Request) -> Athlete:
    """Return the athlete who the caller is.

    Raises:
        NotPermitted: the role asks for nobody.
        NotVisible: the caller is no athlete.
    """
    user = acting_user(request)
    require(user, "erasure:request")
    athlete = Athlete.objects.filter(user=user).first()
    if athlete is None:
        raise NotVisible("You are no athlete here.")
    return athlete
