"""Who sends a request, with their type."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User
from common.errors import NotAuthenticated


def acting_user(request: Request | HttpRequest) -> User:
    """Return the logged-in user.

    Raises:
        NotAuthenticated: nobody is logged in; views that need a person are behind a permission that says so first.
    """
    if not isinstance(request.user, User):
        raise NotAuthenticated("Log in first.")
    return request.user
