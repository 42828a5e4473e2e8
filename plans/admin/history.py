"""An athlete's numbers as lists; a correction or deletion asks for its reason and goes through the service."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from accounts.scope import verbs_on
from accounts.templatetags.reading import distance
from common.admin import PolicyAdmin, WordsFilter, words_of
from common.translating.showing import shown
from modeling.models import Activity, Test, TestProposal, Threshold
from modeling.policies import visible_history
from modeling.services.corrections import CORRECTABLE, correct_row, delete_row


class CorrectionForm(forms.ModelForm[Any]):
    """Any correction says why."""

    reason = forms.CharField(
        max_length=300, help_text="Why; kept in the audit log.", widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    take_out = forms.BooleanField(
        required=False, help_text="Delete this row instead of changing it.", widget=UnfoldBooleanWidget
    )


def _fields(kind: str) -> tuple[str, ...]:
    return ("athlete", *sorted(CORRECTABLE[kind]), "reason", "take_out")


class HistoryAdmin(PolicyAdmin):
    view_verb, change_verb = "history:view", "history:correct"
    form = CorrectionForm
    kind = ""
    list_select_related = ("athlete",)
    search_fields = ("athlete__name",)

    def visible(self, user: Any) -> Q:
        return visible_history(user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever was given a look at an athlete reads these rows; correcting them takes more."""
        if obj is None or not super().has_change_permission(request):
            return super().has_change_permission(request)
        user: Any = request.user
        return bool(verbs_on(user, obj.athlete_id, (self.change_verb,)))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("athlete",)

    @admin.display(description="source name", ordering="source_name")
    def source(self, row: Any) -> str:
        """The file's name as it is, or how else the row came."""
        return shown(row.source_name)

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm[Any], change: bool) -> None:
        user: Any = request.user
        reason = form.cleaned_data["reason"]
        if form.cleaned_data["take_out"]:
            delete_row(kind=self.kind, row_id=obj.pk, reason=reason, acting_user=user)
            return
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in CORRECTABLE[self.kind]}
        if changes:
            correct_row(kind=self.kind, row_id=obj.pk, changes=changes, reason=reason, acting_user=user)


@admin.register(Activity)
class ActivityAdmin(HistoryAdmin):
    kind = "activity"
    fields = _fields(kind)
    list_display = ("day", "athlete", "sport_word", "minutes", "km", "load_text", "method_word", "flags", "source")
    list_filter = (("sport", WordsFilter), ("load_method", WordsFilter))
    sport_word, method_word = words_of("sport"), words_of("load_method")
    date_hierarchy = "day"

    @admin.display(description="min", ordering="duration_s")
    def minutes(self, row: Activity) -> int:
        return round(row.duration_s / 60)

    @admin.display(description="distance", ordering="distance_m")
    def km(self, row: Activity) -> str:
        return distance(row.distance_m / 1000) if row.distance_m else "–"

    @admin.display(description="load", ordering="load")
    def load_text(self, row: Activity) -> str:
        return f"{row.load:.0f} {row.load_unit}"

    @admin.display(description="flags")
    def flags(self, row: Activity) -> str:
        return ", ".join(shown(flag.replace("-", " ")) for flag in row.load_flags) or "–"


@admin.register(Test)
class TestAdmin(HistoryAdmin):
    kind = "test"
    fields = _fields(kind)
    list_display = ("day", "athlete", "value", "kind", "note", "source")
    list_filter = ("kind",)


@admin.register(Threshold)
class ThresholdAdmin(HistoryAdmin):
    kind = "threshold"
    fields = _fields(kind)
    list_display = ("valid_from", "athlete", "sport", "threshold_hr", "max_hr", "pace_s_per_km", "ftp_w")
    list_filter = (("sport", WordsFilter),)


@admin.register(TestProposal)
class TestProposalAdmin(PolicyAdmin):
    """Proposals are decided on the athlete's page; this is the list across athletes."""

    view_verb = "history:view"
    list_display = ("day", "athlete", "value", "reason", "accepted_test", "dismissed_at")
    list_select_related = ("athlete", "accepted_test")
    search_fields = ("athlete__name",)

    def visible(self, user: Any) -> Q:
        return visible_history(user)
