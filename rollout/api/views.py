"""OFREP, so that every OpenFeature SDK works unchanged, and the public toggles of the user interface."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, ClassVar
from uuid import UUID

from django.utils.cache import patch_cache_control
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin
from common.context import PUBLIC, unit_of_work
from common.errors import NotVisible
from rollout import ofrep
from rollout.evaluation import Subject
from rollout.policies import subject_for
from rollout.selectors import LIVE, evaluate

CONFIG_SECONDS = 60


class ContextSerializer(serializers.Serializer[Any]):
    targetingKey = serializers.CharField(max_length=100)  # noqa: N815  (the protocol's spelling)


class EvaluationRequestSerializer(serializers.Serializer[Any]):
    context = ContextSerializer()  # type: ignore[assignment]


class EvaluationSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = serializers.BooleanField()
    reason = serializers.CharField(help_text="STATIC, TARGETING_MATCH, SPLIT, DISABLED or UNKNOWN.")
    variant = serializers.CharField()
    metadata = serializers.DictField()


class BulkEvaluationSerializer(serializers.Serializer[Any]):
    flags = EvaluationSerializer(many=True)


class FailureSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(required=False)
    errorCode = serializers.CharField()  # noqa: N815
    errorDetails = serializers.CharField()  # noqa: N815


class ConfigSerializer(serializers.Serializer[Any]):
    version = serializers.CharField()
    flags = serializers.DictField(child=serializers.BooleanField())


class _Refused(Exception):
    def __init__(self, code: str, details: str) -> None:
        self.code, self.details = code, details
        super().__init__(details)


class EvaluationView(UnitOfWorkAPIMixin):
    """A POST by the protocol that changes nothing: it never waits for the lock that SQLite gives to who may write."""

    verbs: ClassVar = {"POST": None}

    def unit_for(self, request: Request) -> AbstractContextManager[None]:
        """Return a unit of work that reads."""
        user = request.user
        return unit_of_work(user if user.is_authenticated else PUBLIC, read_only=True)


class FlagView(EvaluationView):
    @extend_schema(
        request=EvaluationRequestSerializer,
        responses={200: EvaluationSerializer, 400: FailureSerializer, 404: FailureSerializer},
        operation_id="evaluate_flag",
    )
    def post(self, request: Request, key: str) -> Response:
        """Evaluate one flag for a subject in the caller's scope."""
        try:
            subject, prefix = _subject(request)
        except _Refused as error:
            return Response(ofrep.failure(key, error.code, error.details), status=status.HTTP_400_BAD_REQUEST)
        if key not in LIVE.current().flags:
            missing = ofrep.failure(key, "FLAG_NOT_FOUND", f"There is no flag {key}.")
            return Response(missing, status=status.HTTP_404_NOT_FOUND)
        if not key.startswith(prefix):
            wrong = ofrep.failure(key, "INVALID_CONTEXT", f"{key} is not about such a subject.")
            return Response(wrong, status=status.HTTP_400_BAD_REQUEST)
        return Response(ofrep.success(evaluate(key, subject)))


class FlagsView(EvaluationView):
    @extend_schema(
        request=EvaluationRequestSerializer,
        responses={200: BulkEvaluationSerializer, 304: None, 400: FailureSerializer},
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        operation_id="evaluate_flags",
    )
    def post(self, request: Request) -> Response:
        """Evaluate every flag that is about such a subject; 304 where nothing changed for it."""
        try:
            subject, prefix = _subject(request)
        except _Refused as error:
            return Response(ofrep.failure("", error.code, error.details), status=status.HTTP_400_BAD_REQUEST)
        keys = sorted(key for key in LIVE.current().flags if key.startswith(prefix))
        flags = [ofrep.success(evaluate(key, subject)) for key in keys]
        tag = ofrep.bulk_tag([_lasting(flag) for flag in flags], dict(request.data)["context"])
        if tag in [part.strip() for part in request.headers.get("If-None-Match", "").split(",")]:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response({"flags": flags}, headers={"ETag": tag})


class ConfigView(UnitOfWorkAPIMixin):
    """The user interface's toggles before anybody has logged in: the same for all, cached by whoever stands between."""

    own_transaction = True
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: ConfigSerializer, 304: None}, operation_id="flags_config", auth=[])
    def get(self, request: Request) -> Response:
        """`ui.*` flags that are on or off for everybody; what depends on a person is off here."""
        snapshot = LIVE.current()
        nobody = Subject("everybody")
        flags = {key: evaluate(key, nobody).reason == "everyone" for key in sorted(snapshot.flags) if key[:3] == "ui."}
        tag = ofrep.bulk_tag([flags], {})
        unchanged = tag in request.headers.get("If-None-Match", "")
        body = None if unchanged else {"version": snapshot.version, "flags": flags}
        answer = Response(body, status=304 if unchanged else 200, headers={"ETag": tag})
        patch_cache_control(answer, public=True, max_age=CONFIG_SECONDS, stale_while_revalidate=CONFIG_SECONDS * 10)
        return answer


def _subject(request: Request) -> tuple[Subject, str]:
    """Return whom the caller asks about.

    Raises:
        _Refused: a body that cannot be read, no or no usable targeting key, or one outside the caller's scope.
    """
    try:
        body = request.data
    except ParseError as error:
        raise _Refused("PARSE_ERROR", str(error.detail)) from error
    context = body.get("context") if isinstance(body, dict) else None
    if not isinstance(context, dict):
        raise _Refused("INVALID_CONTEXT", "The body holds {context: {targetingKey: …}}.")
    raw = context.get("targetingKey")
    if not raw:
        raise _Refused("TARGETING_KEY_MISSING", "The context names no targetingKey.")
    try:
        key = UUID(str(raw))
    except ValueError:
        raise _Refused("INVALID_CONTEXT", "targetingKey is the id of an athlete or of the signed-in user.") from None
    try:
        return subject_for(acting_user(request), key)
    except NotVisible as error:
        raise _Refused("INVALID_CONTEXT", error.detail) from error


def _lasting(flag: dict[str, Any]) -> dict[str, Any]:
    """Return what of an evaluation matters to a client: another snapshot with the same answers is no change."""
    return {name: value for name, value in flag.items() if name != "metadata"}
