"""The working pages' forms."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Athlete
from common.body_limit import refuse_large_files
from common.errors import InvalidInput
from common.translating.showing import shown
from modeling.models import TestKind
from plans.presentation import DAYS, race_label, seconds_from
from plans.routing import CHOICES
from plans.services.request_plan import PlanWish

RACES_OF_SPORT = {
    "running": ("5k", "10k", "half_marathon", "marathon"),
    "cycling": ("40km_tt", "gran_fondo"),
}
DAY_CHOICES = [(str(i), day.capitalize()) for i, day in enumerate(DAYS)]


class PageForm(forms.Form):
    """Choices in the reader's language, numbers as it writes them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                choices: Any = field.choices
                field.choices = [(value, shown(str(label))) for value, label in choices]
            elif isinstance(field, forms.FloatField):
                field.localize = field.widget.is_localized = True


class MultipleFileInput(UnfoldAdminFileFieldWidget):  # type: ignore[misc]
    allow_multiple_selected = True


class MultipleFileField(forms.FileField):
    """Several files at once."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:  # type: ignore[override]
        files = data if isinstance(data, list | tuple) else [data]
        return [super(MultipleFileField, self).clean(file, initial) for file in files]


class ImportForm(PageForm):
    """Files of an athlete's history."""

    history = MultipleFileField(
        label="Files",
        widget=MultipleFileInput(attrs={"multiple": True}),
        help_text="FIT, TCX, GPX, Strava's activities.csv, plain CSV; gzipped or in one zip.",
    )
    start = forms.DateField(
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        label="Date of day 1",
        help_text="Only for a table with numbered days.",
    )

    def clean_history(self) -> list[Any]:
        files: list[Any] = self.cleaned_data["history"]
        try:
            refuse_large_files(files)
        except InvalidInput as error:
            raise forms.ValidationError(error.detail) from error
        return files


class PlanForm(PageForm):
    """A race to plan towards."""

    race_date = forms.DateField(widget=UnfoldAdminSingleDateWidget)
    race_distance = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    goal_time = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "3:15:00"}),
        help_text="h:mm:ss or mm:ss",
    )
    available_days = forms.MultipleChoiceField(
        choices=DAY_CHOICES, initial=[key for key, _ in DAY_CHOICES], widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    model_choice = forms.ChoiceField(
        required=False,
        widget=UnfoldAdminSelectWidget,
        label="Pipeline",
        choices=[("", "What flag and tier give"), *((choice, choice.capitalize()) for choice in CHOICES)],
    )

    def __init__(self, *args: Any, athlete: Athlete, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["race_distance"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(race, race_label(race)) for race in RACES_OF_SPORT[athlete.sport]]

    def clean_goal_time(self) -> float | None:
        text = self.cleaned_data["goal_time"]
        try:
            return seconds_from(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(shown(str(error))) from error

    def wish(self) -> PlanWish:
        data = self.cleaned_data
        return PlanWish(
            race_date=data["race_date"],
            race_distance=data["race_distance"],
            goal_seconds=data["goal_time"],
            available_days=frozenset(int(day) for day in data["available_days"]),
            model_choice=data["model_choice"],
        )


class TestForm(PageForm):
    """A performance test."""

    day = forms.DateField(widget=UnfoldAdminSingleDateWidget)
    value = forms.FloatField(
        min_value=1,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="VDOT for running, watts for cycling.",
    )
    kind = forms.ChoiceField(choices=TestKind.choices, widget=UnfoldAdminSelectWidget)
    note = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget)


class ThresholdForm(PageForm):
    """Thresholds from a day on."""

    valid_from = forms.DateField(widget=UnfoldAdminSingleDateWidget)
    threshold_hr = forms.FloatField(
        required=False, min_value=80, max_value=230, widget=UnfoldAdminTextInputWidget, label="Threshold heart rate"
    )
    max_hr = forms.FloatField(
        required=False, min_value=100, max_value=240, widget=UnfoldAdminTextInputWidget, label="Maximum heart rate"
    )
    pace_s_per_km = forms.FloatField(
        required=False,
        min_value=120,
        max_value=900,
        widget=UnfoldAdminTextInputWidget,
        label="Threshold pace",
        help_text="Seconds a km.",
    )
    ftp_w = forms.FloatField(
        required=False, min_value=30, max_value=700, widget=UnfoldAdminTextInputWidget, label="FTP", help_text="Watts."
    )
