"""Log-in by e-mail, whatever its case."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User


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
