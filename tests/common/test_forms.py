"""Forms of the admin's pages look like the theme's: a field without its widget is drawn without a border."""

from __future__ import annotations

from django.contrib import admin
from django.forms import HiddenInput, Widget


def of_the_theme(widget: Widget) -> bool:
    return any(kind.__module__.startswith("unfold.") for kind in type(widget).__mro__)


def test_fields_that_forms_have_of_their_own_are_drawn_by_the_theme() -> None:
    own = {
        f"{page.form.__name__}.{name}": field.widget
        for page in admin.site._registry.values()
        if not page.form.__module__.startswith("django_celery_beat.")
        for name, field in page.form.declared_fields.items()
    }
    assert {"CorrectionForm.reason", "CorrectionForm.take_out"} <= own.keys()
    bare = [name for name, widget in own.items() if not of_the_theme(widget) and not isinstance(widget, HiddenInput)]
    assert bare == []
