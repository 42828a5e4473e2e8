"""The forms of Django's password pages, whose changes go through the services."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.forms import PasswordResetForm, SetPasswordForm
from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm

from accounts.models import User
from accounts.services.passwords import ask_for_reset, choose_password
from common.errors import LimitReached


class ResetForm(PasswordResetForm):
    """Asks for a link, and says the same whoever asks."""

    def clean_email(self) -> str:
        """Ask already here, where a limit can still be shown."""
        email: str = self.cleaned_data["email"]
        try:
            ask_for_reset(email=email)
        except LimitReached as error:
            raise ValidationError(f"{error.detail} Come again in {error.retry_after} seconds.") from error
        return email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing more: Django's own form would send the mail while the answer waits."""


class ChosenPasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # no generic when it runs
    """A password chosen by a mailed link."""

    def save(self, commit: bool = True) -> User:
        """Change it by the service."""
        self.user = choose_password(password=self.cleaned_data["new_password1"], acting_user=self.user)
        return self.user


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """A password chosen with the old one."""

    user: User

    def save(self, commit: bool = True) -> User:
        """Change it by the service; the session at hand goes on, since the view takes `self.user` for it."""
        self.user = choose_password(password=self.cleaned_data["new_password1"], acting_user=self.user)
        return self.user
