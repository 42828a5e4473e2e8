"""The pages of a forgotten password, in the admin's theme: Django's own views with fields that can be seen."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import views
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from config.passwords import ChosenPasswordForm, ResetForm


class InTheme:
    """A page outside the log-in that looks like it; `words` stand above its form."""

    template_name: str | None = "registration/password.html"
    request: HttpRequest
    words: Any = ""

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Return the theme's context, the view's own over it, with the theme's fields."""
        from unfold.widgets import BASE_INPUT_CLASSES  # its module needs models

        own: dict[str, Any] = super().get_context_data(**more)  # type: ignore[misc]  # of Django's view beside this one
        if own.get("form"):
            for field in own["form"].fields.values():
                field.widget.attrs["class"] = " ".join(BASE_INPUT_CLASSES)
        return {**admin.site.each_context(self.request), "words": self.words, **own}


class ResetView(InTheme, views.PasswordResetView):
    form_class = ResetForm
    words = _(
        "Forgotten your password? Enter your email address below, and we’ll email instructions for setting a new one."
    )


class SentView(InTheme, views.PasswordResetDoneView):
    words = _(
        "We’ve emailed you instructions for setting your password, if an account exists with the email you entered. "
        "You should receive them shortly."
    )


class ChooseView(InTheme, views.PasswordResetConfirmView):
    form_class = ChosenPasswordForm
    success_url = reverse_lazy("password_reset_complete")
    words = _("Please enter your new password twice so we can verify you typed it in correctly.")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Say of a link that holds no more that it does."""
        context = super().get_context_data(**more)
        if not context.get("validlink"):
            context["words"] = _(
                "The password reset link was invalid, possibly because it has already been used.  "
                "Please request a new password reset."
            )
        return context


class ChosenView(InTheme, views.PasswordResetCompleteView):
    words = _("Your password has been set.  You may go ahead and log in now.")
