"""A person's own preferences: language, time zone, units, how intensity is shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Intensity, Language, Units
from accounts.models.user import time_zones
from accounts.preferences import chosen_by
from accounts.requests import acting_user
from accounts.services.preferences import FIELDS, set_preferences
from common.context import unit_of_work
from common.errors import DomainError
from common.translating.names import later


def _translated(choices: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [(value, later(str(label))) for value, label in choices]


class PreferencesForm(forms.Form):
    """The four choices; the first of each goes back to the browser's or the company's."""

    language = forms.ChoiceField(
        required=False, label=_("Language"), choices=[("", _("As the browser asks")), *Language.choices]
    )
    time_zone = forms.ChoiceField(
        required=False,
        label=_("Time zone"),
        help_text=_("Times on pages are shown in it. What an athlete does today follows the athlete’s own."),
    )
    units = forms.ChoiceField(
        required=False, label=_("Distances and paces"), choices=[("", _("The company’s")), *_translated(Units.choices)]
    )
    intensity = forms.ChoiceField(
        required=False,
        label=_("Intensity"),
        choices=[("", _("As the session prescribes it")), *_translated(Intensity.choices)],
        help_text=_("Shown where a step has this target; else what it has."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(name, name.replace("_", " ")) for name in sorted(time_zones())]
        self.fields["time_zone"].choices = [("", _("The company’s")), *zones]  # type: ignore[attr-defined]


def preferences_page(request: HttpRequest) -> HttpResponse:
    """Show the choices, and take them."""
    user = acting_user(request)
    if request.method == "POST":
        try:
            found = set_preferences(changes={name: request.POST.get(name, "") for name in FIELDS}, acting_user=user)
        except DomainError as error:
            messages.error(request, " ".join(one["detail"] for one in error.errors) or error.detail)
        else:
            with translation.override(found.language or request.LANGUAGE_CODE):
                messages.success(request, gettext("Your preferences are saved."))
        return HttpResponseRedirect(reverse("preferences"))
    with unit_of_work(user, read_only=True):
        form = PreferencesForm(initial=chosen_by(user).as_json())
        context = {**admin.site.each_context(request), "title": gettext("Preferences"), "form": form}
        return TemplateResponse(request, "accounts/preferences.html", context).render()
