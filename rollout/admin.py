"""Flags; a change needs a reason and goes through the service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.requests import acting_user
from common.admin import PolicyAdmin
from rollout.models import Flag
from rollout.services.flags import CHANGEABLE, change_flag


class FlagForm(forms.ModelForm[Flag]):
    reason = forms.CharField(max_length=300, help_text="Why; kept in the audit log.")

    class Meta:
        model = Flag
        fields = ("description", "enabled", "requires_tier", "rollout_thousandths")


# waffle registers a form of its own, which knows nothing of our order or the audit log.
if admin.site.is_registered(Flag):
    admin.site.unregister(Flag)


@admin.register(Flag)
class FlagAdmin(PolicyAdmin):
    view_verb = change_verb = "rollout:manage"
    form = FlagForm
    list_display = ("name", "enabled", "requires_tier", "percent_text", "description")
    search_fields = ("name",)

    def visible(self, user: Any) -> Q:
        return Q()

    @admin.display(description="rollout")
    def percent_text(self, flag: Flag) -> str:
        return f"{flag.rollout_thousandths / 1000:g} %"

    def save_model(self, request: HttpRequest, obj: Flag, form: forms.ModelForm[Flag], change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in CHANGEABLE}
        change_flag(key=obj.name, changes=changes, reason=form.cleaned_data["reason"], acting_user=acting_user(request))
