"""The one permission class of the API: each view names the matrix's verb for each of its methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission

from accounts.matrix import relation_for

if TYPE_CHECKING:  # the framework reads its settings, and so this module, while it makes its view class
    from rest_framework.request import Request
    from rest_framework.views import APIView


class MatrixPermission(BasePermission):
    """Refuse who lacks a method's verb altogether, before anything is read; how far it reaches is the policies' to say.

    A view names its verbs as `verbs = {"GET": "plan:view", …}`; None is for everybody who is signed in. A method that a
    view has but does not name is refused to everybody. HEAD counts as GET; OPTIONS tells no data.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the caller's role has the method's verb; without a query, since the browsable API asks too."""
        user, method = request.user, _named(request.method or "")
        role = getattr(user, "role", None)
        if role is None or not user.is_active:
            return False
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # the framework answers: with a description, or 405
        verbs = getattr(view, "verbs", {})
        if method not in verbs:
            return False
        verb = verbs[method]
        self.message = f"Your role may not do {verb}."
        return verb is None or relation_for(role, verb) is not None


def _named(method: str) -> str:
    return "GET" if method == "HEAD" else method
