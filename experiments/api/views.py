"""Asking for variants (C3): one subject, or several of one experiment."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin, shown, validated
from experiments.assignment import REASONS
from experiments.policies import ASSIGN
from experiments.services.assign import MOST_SUBJECTS, OWN, assign, assign_many

LONGEST_KEY = 60


class AttributesField(serializers.DictField):
    child = serializers.CharField(max_length=100)

    def __init__(self, **kwargs: Any) -> None:
        own = ", ".join(OWN)
        super().__init__(default=dict, help_text=f"What the client alone knows; {own} are the server's word.", **kwargs)


class SubjectSerializer(serializers.Serializer[Any]):
    subject_id = serializers.UUIDField(help_text="The athlete.")
    attributes = AttributesField()


class AssignmentInSerializer(SubjectSerializer):
    experiment_key = serializers.CharField(max_length=LONGEST_KEY)


class AssignmentBulkInSerializer(serializers.Serializer[Any]):
    experiment_key = serializers.CharField(max_length=LONGEST_KEY)
    subjects = SubjectSerializer(many=True, allow_empty=False, help_text=f"At most {MOST_SUBJECTS}.")


class AssignmentSerializer(serializers.Serializer[Any]):
    experiment_key = serializers.CharField()
    subject_id = serializers.UUIDField()
    variant = serializers.CharField(allow_null=True, help_text="Null where `reason` says why there is none.")
    reason = serializers.ChoiceField(choices=REASONS)
    is_holdout = serializers.BooleanField()
    bucket = serializers.IntegerField(allow_null=True, help_text="0 to 99,999.")
    phase = serializers.IntegerField()
    experiment_version = serializers.CharField(help_text="SHA-256 of the frozen configuration, hex.")
    assigned_at = serializers.DateTimeField(allow_null=True)


class AssignmentView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": ASSIGN}

    @extend_schema(request=AssignmentInSerializer, responses=AssignmentSerializer, operation_id="assignment")
    def post(self, request: Request) -> Response:
        """The variant of an athlete, and why they have it or none; asked again, the answer is the same."""
        answer = assign(acting_user=acting_user(request), **validated(AssignmentInSerializer, request.data))
        return Response(shown(AssignmentSerializer, answer))


class AssignmentBulkView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": ASSIGN}

    @extend_schema(
        request=AssignmentBulkInSerializer,
        responses=AssignmentSerializer(many=True),
        operation_id="assignments_bulk",
    )
    def post(self, request: Request) -> Response:
        """The variants of several athletes in one experiment, in the order of the request; all or none."""
        data = AssignmentBulkInSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        subjects = [(one["subject_id"], one["attributes"]) for one in data.validated_data["subjects"]]
        answers = assign_many(
            experiment_key=data.validated_data["experiment_key"], subjects=subjects, acting_user=acting_user(request)
        )
        return Response(AssignmentSerializer(answers, many=True).data)
