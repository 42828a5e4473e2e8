"""People, links and teams, for administrators; every change goes through the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext

from accounts.models import CoachLink, Team, TeamMembership, User
from accounts.requests import acting_user
from accounts.scope import GRANTEES, links_that_hold
from accounts.services.invitations import invite_user
from accounts.services.people import change_role, end_link, link_coach, set_active
from accounts.services.teams import add_team, rename_team, set_staff
from common.admin import PolicyAdmin, TabularInline, may

EVERY_ROW = Q()


@admin.register(User)
class UserAdmin(PolicyAdmin):
    """Adding a person invites them; role and whether they may log in are changed by services that end their tokens."""

    view_verb = add_verb = change_verb = "user:manage"
    list_display = ("email", "name", "role", "is_active", "date_joined")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("email", "name", "role", "is_active") if obj else ("email", "name", "role")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields: dict[str, Any] = {"fields": self.get_fields(request, obj)}
        if obj is None:
            fields["description"] = gettext("They get an e-mail with a link to choose their password.")
        return ((None, fields),)

    def visible(self, user: Any) -> Q:
        return EVERY_ROW if may(user, self.view_verb) else Q(role__in=GRANTEES, is_active=True)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may share a plan may search for the colleague; the pages stay the administrators'."""
        searching = request.resolver_match is not None and request.resolver_match.url_name == "autocomplete"
        return super().has_view_permission(request, obj) or (searching and may(request.user, "plan:share"))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return ("email", "name") if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        if change:
            if "role" in form.changed_data:
                changed = change_role(user_id=obj.pk, role=obj.role, acting_user=acting_user(request))
                obj.token_version = changed.token_version
            if "is_active" in form.changed_data:
                changed = set_active(user_id=obj.pk, is_active=obj.is_active, acting_user=acting_user(request))
                obj.token_version = changed.token_version
                self._tell_of_links(request, obj)
            return
        made = invite_user(email=obj.email, name=obj.name, role=obj.role, acting_user=acting_user(request))
        obj.pk = made.pk

    def _tell_of_links(self, request: HttpRequest, user: User) -> None:
        """Say what a closed log-in leaves behind."""
        open_links = CoachLink.objects.filter(links_that_hold(), coach=user).count()
        if not user.is_active and open_links:
            words = ngettext(
                "%(count)s athlete is still linked to this coach: end the link and add another.",
                "%(count)s athletes are still linked to this coach: end the links and add others.",
                open_links,
            )
            messages.warning(request, words % {"count": open_links})


@admin.register(CoachLink)
class CoachLinkAdmin(PolicyAdmin):
    """Assign athletes to coaches; setting an end ends the assignment."""

    view_verb = add_verb = change_verb = "link:manage"
    list_display = ("athlete", "coach", "active_from", "active_until")
    list_filter = (("coach", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("athlete__name", "coach__email", "coach__name")
    list_select_related = ("athlete", "coach")
    autocomplete_fields = ("coach", "athlete")
    fields = ("coach", "athlete", "active_from", "active_until")

    def visible(self, user: Any) -> Q:
        return EVERY_ROW

    def get_readonly_fields(self, request: HttpRequest, obj: CoachLink | None = None) -> tuple[str, ...]:
        return ("coach", "athlete", "active_from") if obj else ("active_until",)

    def save_model(self, request: HttpRequest, obj: CoachLink, form: forms.ModelForm[CoachLink], change: bool) -> None:
        if not change:
            made = link_coach(
                coach_id=obj.coach_id,
                athlete_id=obj.athlete_id,
                active_from=obj.active_from,
                acting_user=acting_user(request),
            )
            obj.pk = made.pk
        elif obj.active_until is not None and "active_until" in form.changed_data:
            end_link(link_id=obj.pk, active_until=obj.active_until, acting_user=acting_user(request))


class MembershipInline(TabularInline):  # type: ignore[misc]
    model = TeamMembership
    autocomplete_fields = ("user",)
    extra = 0
    verbose_name, verbose_name_plural = "member of staff", "staff"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, "user:manage")

    has_change_permission = has_delete_permission = has_view_permission = has_add_permission


@admin.register(Team)
class TeamAdmin(PolicyAdmin):
    """Teams and their staff; what the form says goes through the services, so that it is recorded."""

    view_verb = add_verb = change_verb = "user:manage"
    list_display = ("name", "staff_count", "athlete_count")
    search_fields = ("name",)
    fields = ("name",)
    inlines = (MembershipInline,)

    def visible(self, user: Any) -> Q:
        return EVERY_ROW

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        rows: Any = super().get_queryset(request)
        return rows.annotate(n_staff=Count("staff", distinct=True), n_athletes=Count("athletes", distinct=True))

    @admin.display(description="staff", ordering="n_staff")
    def staff_count(self, team: Any) -> int:
        return int(team.n_staff)

    @admin.display(description="athletes", ordering="n_athletes")
    def athlete_count(self, team: Any) -> int:
        return int(team.n_athletes)

    def save_model(self, request: HttpRequest, obj: Team, form: forms.ModelForm[Team], change: bool) -> None:
        if change:
            rename_team(team_id=obj.pk, name=obj.name, acting_user=acting_user(request))
        else:
            obj.pk = add_team(name=obj.name, acting_user=acting_user(request)).pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        rows = [row for row in formset.cleaned_data if row and not row.get("DELETE")]
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        staff = {row["user"].pk for row in rows}
        set_staff(team_id=form.instance.pk, user_ids=staff, acting_user=acting_user(request))
