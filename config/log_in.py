"""The admin's log-in form."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from accounts.services.tokens import count_log_in
from common.errors import LimitReached


class CountedLoginForm(AuthenticationForm):
    """The theme's log-in form, held to the same limits as the API's."""

    def clean(self) -> dict[str, Any]:
        """Count the attempt before the password is looked at."""
        try:
            count_log_in(self.cleaned_data.get("username", ""))
        except LimitReached as error:
            raise ValidationError(f"{error.detail} Come again in {error.retry_after} seconds.") from error
        return super().clean()
