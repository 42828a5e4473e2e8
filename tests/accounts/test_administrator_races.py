"""Administrators at each other at the same time: one stays."""

from __future__ import annotations

import pytest

from accounts.models import Role, User
from accounts.services.people import change_role, set_active
from common.errors import WrongState
from tests.common.test_concurrency import at_once
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("committed_database")


@pytest.mark.parametrize("close", [True, False], ids=["closed", "given another role"])
def test_of_administrators_who_end_each_other_at_once_one_stays(close):
    admins = [make_user("admin") for _ in range(4)]

    def end_the_next(number: int) -> str:
        of_next = {"user_id": admins[(number + 1) % 4].pk, "acting_user": admins[number]}
        try:
            set_active(is_active=False, **of_next) if close else change_role(role="coach", **of_next)
        except WrongState as refused:
            return str(refused.detail)
        return ""

    told = at_once(end_the_next, threads=4)
    assert User.objects.filter(role=Role.ADMIN, is_active=True).count() == 1
    assert sum("last administrator" in words for words in told) == 1
