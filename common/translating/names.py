"""Names of models, fields and their choices, and headings of lists, in the language of who looks."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.forms.utils import pretty_name
from django.utils.functional import lazy

from common.translating.showing import shown

later = lazy(shown, str)
"""`shown`, said only when somebody reads it."""


def translate_names(labels: tuple[str, ...]) -> None:
    """Let what Django derives from our models' source be translated when it is shown.

    A name is taken as it was written or derived from the field; migrations see the English ones, which compare equal.
    Call it once, when all models and pages are registered.
    """
    for label in labels:
        config = apps.get_app_config(label)
        config.verbose_name = later(str(config.verbose_name))
        for model in config.get_models():
            _translate(model)
    for page in admin.site._registry.values():
        if page.opts.app_label in labels:
            _translate_headings(page)
            _translate_fields(page.form)


def _translate(model: type[models.Model]) -> None:
    options: Any = model._meta
    options.verbose_name = later(str(options.verbose_name))
    options.verbose_name_plural = later(str(options.verbose_name_plural))
    _translate_refusals(options)
    for field in options.local_fields:
        field.verbose_name = later(str(field.verbose_name))
        if field.help_text:
            field.help_text = later(str(field.help_text))
        if field.choices:
            field.choices = [(value, later(str(label)) if label else label) for value, label in field.flatchoices]


def _translate_refusals(options: Any) -> None:
    """Let what a constraint says be translated, where it says something of its own."""
    for constraint in options.constraints:
        if constraint.violation_error_message is not constraint.default_violation_error_message:
            constraint.violation_error_message = later(str(constraint.violation_error_message))


def _translate_fields(form: Any) -> None:
    """Let labels and help of fields that a page's form has of its own be translated; a lazy one is already."""
    for name, field in form.declared_fields.items():
        label, help_text = field.label or pretty_name(name), field.help_text
        field.label = later(label) if isinstance(label, str) else label
        field.help_text = later(help_text) if help_text and isinstance(help_text, str) else help_text


def _translate_headings(page: Any) -> None:
    """Let headings of computed columns and names of actions be translated."""
    for name in dir(type(page)):
        made = getattr(type(page), name, None)
        heading = getattr(made, "short_description", None)
        if callable(made) and isinstance(heading, str):
            made.short_description = later(heading)
