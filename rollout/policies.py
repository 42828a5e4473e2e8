"""For whom somebody may ask a flag: athletes in their scope for `plan.*`, themselves for `ui.*`."""

from __future__ import annotations

from uuid import UUID

from accounts.models import Athlete, User
from accounts.scope import athletes_in_scope
from common.errors import NotVisible
from rollout.evaluation import Subject

OF_ATHLETES = "plan."


def subject_for(user: User, key: UUID) -> tuple[Subject, str]:
    """Return the subject with this id and the prefix of the flags that are about such; the tier is the server's word.

    Raises:
        NotVisible: neither the user nor an athlete in their scope.
    """
    if key == user.pk:
        own = Athlete.objects.filter(user=user).values_list("tier", flat=True).first()
        return Subject(str(user.pk), own or ""), "ui."
    tier = Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=key).values_list("tier", flat=True)
    found = tier.first()
    if found is None:
        raise NotVisible("There is no such subject, or you may not ask about them.")
    return Subject(str(key), found), OF_ATHLETES
