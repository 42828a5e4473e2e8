"""Shared plans, for administrators and for the coach who shared them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin.grants import GrantAdmin
from accounts.models import Athlete
from accounts.requests import acting_user
from accounts.scope import athletes_in_scope
from common.errors import InvalidInput
from plans.models import Plan, PlanGrant
from plans.policies import visible_plans
from plans.services.share_plan import end_share, share_plan


@admin.register(PlanGrant)
class PlanGrantAdmin(GrantAdmin):
    view_verb = add_verb = change_verb = "plan:share"

    def visible(self, user: Any) -> Q:
        return Q(athlete__in=Athlete.objects.filter(athletes_in_scope(user, "plan:share")))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "content_object":
            kwargs["queryset"] = Plan.objects.filter(visible_plans(request.user))  # type: ignore[arg-type]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: PlanGrant, form: Any, change: bool) -> None:
        if change:
            raise InvalidInput("Share again to renew.")
        given = share_plan(
            plan_id=obj.content_object_id,
            user_id=obj.user_id,
            expires_at=obj.expires_at,
            reason=form.cleaned_data["because"],
            acting_user=acting_user(request),
        )
        obj.pk = given.pk

    def end_one(self, request: HttpRequest, given: PlanGrant) -> None:
        end_share(plan_id=given.content_object_id, grant_id=given.pk, acting_user=acting_user(request))
