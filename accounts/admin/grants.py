"""Exceptions for administrators: who was given access to what, why, and until when; ended with one action."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.models import AthleteGrant, Grant
from accounts.requests import acting_user
from accounts.scope import GRANTEES
from accounts.services.grants import end_athlete_grant, grant_athlete
from common import clock
from common.admin import PolicyAdmin, action
from common.errors import InvalidInput
from common.keys import key_ring
from common.translating.showing import shown


class GrantForm(forms.ModelForm[Any]):
    """Free text is encrypted, so the field is the form's own."""

    because = forms.CharField(label="Reason", max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class GrantAdmin(PolicyAdmin):
    """What both kinds of grant share; a subclass names the object, and the services that give and end."""

    form = GrantForm
    list_display = ("content_object", "user", "expires_at", "holds", "why")
    list_select_related = ("user", "content_object")
    search_fields = ("user__email", "user__name")
    ordering = ("-expires_at",)
    autocomplete_fields = ("user", "content_object")
    fields = ("content_object", "user", "expires_at", "because")
    actions = ("end",)

    def visible(self, user: Any) -> Q:
        return Q()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A grant is renewed by granting again, not by editing it."""
        return obj is None and super().has_change_permission(request)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user":
            field.help_text = shown(f"An active {' or '.join(GRANTEES)}; search by name or e-mail.")
        return field

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("content_object", "user", "expires_at", "why") if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("why",) if obj else ()

    @admin.display(boolean=True, description="holds")
    def holds(self, given: Grant) -> bool:
        return given.expires_at > clock.now()

    @admin.display(description="reason")
    def why(self, given: Grant) -> str:
        return key_ring([given.subject_id]).read(given.subject_id, given.reason)

    @action(description="End access now")
    def end(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """End the chosen grants."""
        chosen = list(queryset)
        for given in chosen:
            self.end_one(request, given)
        messages.success(request, shown(f"Ended {len(chosen)}."))

    def end_one(self, request: HttpRequest, given: Any) -> None:
        """Call the service that ends a grant."""
        raise NotImplementedError


@admin.register(AthleteGrant)
class AthleteGrantAdmin(GrantAdmin):
    view_verb = add_verb = change_verb = "athlete:grant"

    def save_model(self, request: HttpRequest, obj: AthleteGrant, form: Any, change: bool) -> None:
        if change:
            raise InvalidInput("Grant again to renew.")
        given = grant_athlete(
            athlete_id=obj.content_object_id,
            user_id=obj.user_id,
            expires_at=obj.expires_at,
            reason=form.cleaned_data["because"],
            acting_user=acting_user(request),
        )
        obj.pk = given.pk

    def end_one(self, request: HttpRequest, given: AthleteGrant) -> None:
        end_athlete_grant(athlete_id=given.content_object_id, grant_id=given.pk, acting_user=acting_user(request))
