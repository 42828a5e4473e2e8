"""A coach's own say about the monthly e-mail."""

from __future__ import annotations

from accounts.models import User
from accounts.scope import require
from audit.services import record
from common.context import unit_of_work
from modeling.models import ReportPreference
from modeling.policies import VIEW_REPORT


def prefer_mail(*, wants_mail: bool, acting_user: User) -> None:
    """Say whether one wants the monthly e-mail about what the model learned.

    Raises:
        NotPermitted: not the role's.
    """
    with unit_of_work(acting_user):
        require(acting_user, VIEW_REPORT)
        ReportPreference.objects.update_or_create(user=acting_user, defaults={"wants_mail": wants_mail})
        record("report.prefer", target_id=acting_user.pk, metadata={"wants_mail": wants_mail})
