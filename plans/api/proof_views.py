"""The proof of an acceptance over REST."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import acting_user
from audit.api.serializers import HeadSerializer
from common.api import UnitOfWorkAPIMixin
from plans.proof import acceptance_proof


class PlanProofSerializer(serializers.Serializer[Any]):
    format = serializers.CharField()
    plan_id = serializers.UUIDField()
    version_id = serializers.UUIDField()
    version_number = serializers.IntegerField()
    content_sha256 = serializers.CharField()
    content = serializers.DictField(help_text="What was accepted.")
    event = serializers.CharField(help_text="The acceptance's canonical bytes, base64.")
    leaf_index = serializers.IntegerField()
    tree_size = serializers.IntegerField()
    inclusion_proof = serializers.ListField(child=serializers.CharField())
    head = HeadSerializer()
    public_key = serializers.CharField()
    how_to_check = serializers.CharField()


class PlanProofView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=PlanProofSerializer, operation_id="plan_proof")
    def get(self, request: Request, plan_id: UUID) -> Response:
        """One file that proves that the plan which was accepted is in the audit log; `docs/verify_proof.py` checks it.

        409 while nobody has accepted the plan, and for the seconds until the acceptance is sealed (Retry-After).
        """
        proof = acceptance_proof(plan_id=plan_id, user=acting_user(request))
        name = f'attachment; filename="plan-proof-{plan_id}.json"'
        return Response(proof, headers={"Content-Disposition": name, "Cache-Control": "no-store"})
