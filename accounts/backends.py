"""Log-in by e-mail, whatever its case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model
from guardian.backends import ObjectPermissionBackend

from accounts.models import Athlete, User
from accounts.scope import athletes_in_scope
from common.registries import Registry


def _may_see_athlete(user: User, athlete: Model) -> bool:
    return Athlete.objects.filter(athletes_in_scope(user, "athlete:view"), pk=athlete.pk).exists()


# Filled by apps: permission → may this user exercise it on this object, by policy and grants together?
OBJECT_PERMISSIONS: Registry[Callable[[User, Any], bool]] = Registry("object permissions")
OBJECT_PERMISSIONS.register("accounts.view_athlete", _may_see_athlete)


class GrantBackend(ObjectPermissionBackend):  # type: ignore[misc]
    """`user.has_perm(permission, object)`: policy and grants together, and no grant that has ended.

    Guardian's own check reads its rows alone and knows no end.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Model | None = None) -> bool:
        check = OBJECT_PERMISSIONS.find(perm)
        if obj is None or check is None or not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        return check(user_obj, obj)


class EmailBackend(ModelBackend):
    """Django's own backend: `UserManager.get_by_natural_key` lowers the address; inactive users are refused.

    Rights come from the matrix and from guardian's grants, not from Django's permission tables: those are not asked,
    which saves two queries on every page of the admin.
    """

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self._of_superuser(user_obj, obj)

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return self._of_superuser(user_obj, obj)

    def _of_superuser(self, user: Any, obj: Any) -> set[str]:
        is_super = isinstance(user, User) and user.is_active and user.is_superuser and obj is None
        return set(super().get_user_permissions(user)) if is_super else set()
