"""Reviewing over REST: edit by JSON Patch, ask what if, submit, decide, withdraw, generate again, comment."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.requests import acting_user
from common.api import UnitOfWorkAPIMixin, prefers_minimal
from common.errors import InvalidInput
from common.etag import expected_etags
from common.idempotency import idempotent
from common.keys import key_ring
from common.parsers import JSONParser
from common.translating.showing import shown
from modeling.policies import athlete_with_model
from plans.api import review_serializers as s
from plans.api.serializers import PlanSerializer
from plans.document import InvalidPatch, Operation, apply_patch, from_payload, parse_patch, summarise
from plans.errors import invalid_edit
from plans.models import Plan, PlanComment, PlanVersion
from plans.policies import comments_for, plan_for, shown_summary, version_for, versions_for
from plans.presentation import seconds_from
from plans.selectors import compared_with, content_of, marked_changes, names_of, week_bodies
from plans.services.comments import add_comment, resolve_comment
from plans.services.correct_tags import correct_tags
from plans.services.decide import accept_plan, request_changes, submit_plan, withdraw_plan
from plans.services.look import look_at_plan
from plans.services.reasons import broken_since_baseline, every_edit_has_a_reason
from plans.services.regenerate_plan import regenerate_plan
from plans.services.save_edits import save_edits
from plans.services.versions import etag_of
from plans.services.what_if import what_if_of
from plans.tags import sees_tags, tags_of
from plans.whatif import as_json

KEY = OpenApiParameter(
    "Idempotency-Key", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The same key has one effect."
)
IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="The ETag that the change is based on."
)


class JSONPatchParser(JSONParser):
    """RFC 6902's media type."""

    media_type = "application/json-patch+json"


class VersionListView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view"}

    @extend_schema(responses=s.VersionRowSerializer(many=True), operation_id="plan_versions")
    def get(self, request: Request, plan_id: UUID) -> Response:
        """A plan's versions, newest first."""
        plan = plan_for(acting_user(request), plan_id)
        versions = list(versions_for(acting_user(request), plan))
        names = names_of(version.author_id for version in versions)
        return Response(
            s.VersionRowSerializer(versions, many=True, context={"names": names, "user": acting_user(request)}).data
        )


class VersionView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view", "PATCH": "plan:edit"}
    limits: ClassVar = {"PATCH": "patch"}
    parser_classes = (JSONPatchParser, JSONParser)

    @extend_schema(
        responses=s.ReviewedVersionSerializer,
        operation_id="plan_version",
        parameters=[
            OpenApiParameter("against", description="`parent` (default), `baseline`, `active`, or a version's id.")
        ],
    )
    def get(self, request: Request, plan_id: UUID, version_id: UUID) -> Response:
        """A version, whole, with what changed against another."""
        version = version_for(acting_user(request), plan_id, version_id)
        return version_response(request, version, against=request.query_params.get("against", "parent"))

    @extend_schema(
        request={
            "application/json-patch+json": s.OperationSerializer(many=True),
            "application/json": OpenApiTypes.OBJECT,
        },
        responses=s.ReviewedVersionSerializer,
        operation_id="plan_version_edit",
        parameters=[KEY, IF_MATCH, OpenApiParameter("Prefer", OpenApiTypes.STR, OpenApiParameter.HEADER)],
    )
    @idempotent
    def patch(self, request: Request, plan_id: UUID, version_id: UUID) -> Response:
        """Edit the head version: a JSON Patch, or `{"sessions": {id: session, part of one, or null}}`.

        Answers with the next version and its `version_number`; `If-Match` names what the edit is based on. With
        `Prefer: return=minimal` the answer leaves out the sessions, which the client has.
        """
        expected = expected_etags(request)
        version = save_edits(
            plan_id=plan_id,
            version_id=version_id,
            expected=expected,
            operations=operations_of(request.data),
            acting_user=acting_user(request),
        )
        return saved_response(version) if prefers_minimal(request) else version_response(request, version)


class WhatIfView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "model:view"}

    @extend_schema(request=s.WhatIfInSerializer, responses=s.WhatIfSerializer, operation_id="plan_what_if")
    def post(self, request: Request, plan_id: UUID) -> Response:
        """What these operations on the head version would do to race day; nothing is stored.

        For whoever may see the athlete's model: the answer is made from it.
        """
        plan = plan_for(acting_user(request), plan_id)
        athlete_with_model(acting_user(request), plan.athlete_id)
        head = plan.head_version
        if head is None or not versions_for(acting_user(request), plan).filter(pk=head.pk).exists():
            head = version_for(acting_user(request), plan_id, plan_id)
        before = content_of(head)
        raw = request.data.get("operations", []) if isinstance(request.data, dict) else request.data
        try:
            operations = parse_patch(raw)
            after = apply_patch(before, operations)
        except InvalidPatch as error:
            raise invalid_edit(error) from error
        found = what_if_of(plan, head, before, after)
        broken = broken_since_baseline(plan, head, after)
        submission = {
            "guards": [asdict(guard) | {"message": shown(guard.message)} for guard in broken],
            "needs_reason": bool(broken) and not every_edit_has_a_reason(head, after, operations),
        }
        summary = summarise(before, after).as_json()
        effect = as_json(found) if found else dict(_NOTHING)
        effect["guards"] = [guard | {"message": shown(guard["message"])} for guard in effect["guards"]]
        return Response({**effect, "submission": submission, "summary": summary})


_NOTHING: dict[str, Any] = {
    "before": None,
    "after": None,
    "delta": None,
    "days": [],
    "before_series": {"fitness": [], "fatigue": [], "form": []},
    "after_series": {"fitness": [], "fatigue": [], "form": []},
    "guards": [],
}


class LookView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:view"}

    @extend_schema(request=s.LookInSerializer, responses={204: None}, operation_id="plan_look")
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Say up to which version you have looked; lists then show what is new to you."""
        data = _valid(s.LookInSerializer, request)
        look_at_plan(plan_id=plan_id, version_number=data["version_number"], acting_user=acting_user(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SubmitView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:edit"}

    @extend_schema(
        request=s.SubmitInSerializer, responses=PlanSerializer, operation_id="plan_submit", parameters=[KEY, IF_MATCH]
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Submit the head version to the athlete: coach-reviewed."""
        data = _valid(s.SubmitInSerializer, request)
        plan = submit_plan(
            plan_id=plan_id,
            expected=expected_etags(request),
            comment=data["comment"],
            reason=data["reason"],
            acting_user=acting_user(request),
        )
        return plan_response(request, plan)


class ApproveView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:approve"}

    @extend_schema(
        request=s.ApproveInSerializer, responses=PlanSerializer, operation_id="plan_approve", parameters=[KEY]
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """The athlete's decision about the very content they read: accept (and publish), or request changes."""
        data = _valid(s.ApproveInSerializer, request)
        decide = accept_plan if data.pop("decision") == "accept" else request_changes
        return plan_response(request, decide(plan_id=plan_id, acting_user=acting_user(request), **data))


class WithdrawView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:edit"}

    @extend_schema(
        request=s.WithdrawInSerializer,
        responses=PlanSerializer,
        operation_id="plan_withdraw",
        parameters=[KEY, IF_MATCH],
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Take a plan back; withdrawing a revision restores what is published."""
        data = _valid(s.WithdrawInSerializer, request)
        plan = withdraw_plan(
            plan_id=plan_id,
            expected=expected_etags(request),
            comment=data["comment"],
            acting_user=acting_user(request),
        )
        return plan_response(request, plan)


class RegenerateView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:edit"}

    @extend_schema(
        request=s.RegenerateInSerializer,
        responses=s.RegeneratedSerializer,
        operation_id="plan_regenerate",
        parameters=[KEY, IF_MATCH],
    )
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Generate again from today's data and merge with the coach's edits; conflicts keep ours and are listed."""
        data = _valid(s.RegenerateInSerializer, request)
        found = regenerate_plan(
            plan_id=plan_id,
            expected=expected_etags(request),
            race_date=data.get("race_date"),
            goal_seconds=_goal_seconds(data.get("goal_time")),
            acting_user=acting_user(request),
        )
        body = {
            "plan": PlanSerializer(found.plan, context={"request": request}).data,
            "version": version_body(found.version, acting_user(request), against="parent"),
            "conflicts": [conflict.as_json() for conflict in found.conflicts],
        }
        return Response(body, headers={"ETag": etag_of(found.plan)})


class CommentListView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"GET": "plan:view", "POST": "plan:comment"}

    @extend_schema(responses=s.CommentSerializer(many=True), operation_id="plan_comments")
    def get(self, request: Request, plan_id: UUID) -> Response:
        """The comments that you may read, oldest first."""
        plan = plan_for(acting_user(request), plan_id)
        rows = list(comments_for(acting_user(request), plan).select_related("resolution"))
        return Response(comments_body(rows, acting_user(request)))

    @extend_schema(
        request=s.CommentInSerializer, responses={201: s.CommentSerializer}, operation_id="plan_comment",
        parameters=[KEY],
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, plan_id: UUID) -> Response:
        """Comment on the plan or on a session; a reply names its `parent_id`."""
        data = _valid(s.CommentInSerializer, request)
        comment = add_comment(plan_id=plan_id, acting_user=acting_user(request), **data)
        return Response(comments_body([comment], acting_user(request))[0], status=status.HTTP_201_CREATED)


class CommentResolveView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"POST": "plan:comment"}

    @extend_schema(request=None, responses=s.CommentSerializer, operation_id="plan_comment_resolve", parameters=[KEY])
    @idempotent
    def post(self, request: Request, plan_id: UUID, comment_id: UUID) -> Response:
        """Settle a thread."""
        _valid(s.NothingInSerializer, request)
        comment = resolve_comment(plan_id=plan_id, comment_id=comment_id, acting_user=acting_user(request))
        return Response(comments_body([comment], acting_user(request))[0])


class CommentTagsView(UnitOfWorkAPIMixin):
    verbs: ClassVar = {"PUT": "plan:tag"}

    @extend_schema(
        request=s.CommentTagsInSerializer,
        responses=s.CommentSerializer,
        operation_id="plan_comment_tags",
        parameters=[KEY],
    )
    @idempotent
    def put(self, request: Request, plan_id: UUID, comment_id: UUID) -> Response:
        """Say what a comment is about: the full set of its tags, which counts from then on over the model's."""
        data = _valid(s.CommentTagsInSerializer, request)
        comment = correct_tags(
            plan_id=plan_id, comment_id=comment_id, tags=data["tags"], acting_user=acting_user(request)
        )
        return Response(comments_body([comment], acting_user(request))[0])


def operations_of(data: Any) -> tuple[Operation, ...]:
    """Return the operations of a PATCH body, whichever of its two forms it has.

    Raises:
        InvalidInput: a pointer to each operation that is refused.
    """
    try:
        return parse_patch(data if isinstance(data, list) else from_payload(data))
    except InvalidPatch as error:
        raise invalid_edit(error) from error


def saved_response(version: PlanVersion) -> Response:
    """Return what is new of a version that the client made itself; the ETag is that of the plan's head."""
    whole: Any = version
    whole.impact = version.diff_summary_json.get("sentence", "")
    whole.etag = etag_of(version.plan)
    headers = {"ETag": whole.etag, "Preference-Applied": "return=minimal"}
    return Response(s.SavedVersionSerializer(whole).data, headers=headers)


def version_response(request: Request, version: PlanVersion, *, against: str = "parent") -> Response:
    """Return a version with its changes; the ETag is that of the plan's head."""
    try:
        body = version_body(version, acting_user(request), against=against)
    except ValueError as error:
        raise InvalidInput("against is parent, baseline, active, or a version's id.", pointer="/against") from error
    return Response(body, headers={"ETag": body["etag"]})


def version_body(version: PlanVersion, user: User, *, against: str) -> dict[str, Any]:
    """Return what `ReviewedVersionSerializer` shows of a version to a user."""
    base = compared_with(version, against, versions_for(user, version.plan))
    whole: Any = version
    whole.weeks = week_bodies(version)
    whole.changes_shown = marked_changes(version, base)
    whole.impact = _impact(version, base)
    whole.etag = etag_of(version.plan)
    return {**s.ReviewedVersionSerializer(whole).data, "diff_summary_json": shown_summary(user, version)}


def comments_body(comments: list[PlanComment], user: User) -> list[dict[str, Any]]:
    """Return comments of one plan with names, texts and the tags that a user may see: four queries for any number."""
    shows_tags = bool(comments) and sees_tags(user, comments[0].athlete_id)
    context = {
        "tags": tags_of([comment.pk for comment in comments]) if shows_tags else None,
        "ring": key_ring({comment.athlete_id for comment in comments}),
        "names": names_of(comment.author_id for comment in comments),
    }
    return list(s.CommentSerializer(comments, many=True, context=context).data)


def plan_response(request: Request, plan: Plan) -> Response:
    """Return a head with its tag."""
    return Response(PlanSerializer(plan, context={"request": request}).data, headers={"ETag": etag_of(plan)})


def _impact(version: PlanVersion, base: PlanVersion | None) -> str:
    if base is not None and base.pk == version.parent_version_id:
        return str(version.diff_summary_json.get("sentence", ""))
    return summarise(content_of(base), content_of(version)).sentence if base else ""


def _valid(serializer: Any, request: Request) -> dict[str, Any]:
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return {name: value for name, value in checked.validated_data.items() if name != "expected_etag"}


def _goal_seconds(text: str | None) -> float | None:
    try:
        return seconds_from(text) if text else None
    except ValueError as error:
        raise InvalidInput(str(error), pointer="/goal_time") from error
