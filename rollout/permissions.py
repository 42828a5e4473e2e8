"""A flag as a permission of an API view: `permission_classes = [*DEFAULT, HasFlag("plan.new_pipeline")]`."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from common.context import in_unit_of_work
from common.errors import NotVisible
from rollout.evaluation import OF_ATHLETES, Decision, Subject
from rollout.policies import subject_for
from rollout.selectors import evaluate, evaluate_for_user


class FlagPermission(BasePermission):
    """Let a request through where the flag is on for its subject; else 403, with the decision's reason in the detail.

    `ui.*` flags are about the signed-in user. `plan.*` flags are about an athlete: the one that the address, the body
    or the query names as `athlete_id`, else the one of the view's object. Where neither is there, the flag is off.
    """

    flag_key: ClassVar[str]

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Decide by the request; a view of one object leaves it to `has_object_permission`.

        Raises:
            NotVisible: the named athlete is outside the caller's scope.
        """
        if not in_unit_of_work():
            return True  # the browsable API draws its forms after the answer; what they send is asked again
        if not self.flag_key.startswith(OF_ATHLETES):
            return self._allows(evaluate_for_user(self.flag_key, request.user))
        named = _athlete_named(request, view)
        if named is None and _is_about_an_object(view):
            return True
        return self._allows(evaluate(self.flag_key, _subject(request, named)))

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        """Decide for the athlete of the object: itself, its `athlete`, or its `athlete_id`."""
        if not self.flag_key.startswith(OF_ATHLETES):
            return True  # decided by the request
        return self._allows(evaluate(self.flag_key, _subject(request, _athlete_of(obj))))

    def _allows(self, decision: Decision) -> bool:
        self.message = f"{self.flag_key} is off here: {decision.reason}."
        return decision.value


def HasFlag(key: str) -> type[FlagPermission]:  # noqa: N802  (reads as the class that it makes)
    """Return the permission class of a flag."""
    return type("HasFlag", (FlagPermission,), {"flag_key": key, "__doc__": f"The flag {key} is on for the subject."})


def _subject(request: Request, athlete_id: UUID | None) -> Subject | None:
    """Return the athlete as a subject, with the tier that the server knows; raises NotVisible."""
    if athlete_id is None or not request.user.is_authenticated:
        return None
    subject, about = subject_for(request.user, athlete_id)
    if about != OF_ATHLETES:
        raise NotVisible("There is no such athlete, or you may not see them.")
    return subject


def _athlete_named(request: Request, view: APIView) -> UUID | None:
    """Return `athlete_id` from the address, the body or the query, in this order; raises NotVisible if it is no id."""
    body = request.data if isinstance(request.data, dict) else {}
    for place in (view.kwargs, body, request.query_params):
        if place.get("athlete_id"):
            try:
                return UUID(str(place["athlete_id"]))
            except ValueError:
                raise NotVisible("There is no such athlete.") from None
    return None


def _is_about_an_object(view: APIView) -> bool:
    """Return whether the view fetches one object, for which the framework asks again."""
    field = getattr(view, "lookup_url_kwarg", None) or getattr(view, "lookup_field", None)
    return field in view.kwargs and callable(getattr(view, "get_object", None))


def _athlete_of(obj: Any) -> UUID | None:
    if obj._meta.label == "accounts.Athlete":
        return UUID(str(obj.pk))
    found = getattr(obj, "athlete_id", None)
    return UUID(str(found)) if found else None
