"""The monthly e-mail to coaches: a link to their report, and its three main figures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django.utils.translation import gettext

from accounts.models import Role, User
from accounts.notifications import register_kind
from accounts.services.notify import notify
from common import clock
from common.context import unit_of_work
from common.translating.showing import day, said
from modeling.models import ReportPreference
from plans.evidence.report import REPORTER, Report, report_of
from plans.evidence.words import NOT_IDENTIFIABLE, percent, points

KIND: Final = "coach.report"


def tell_reports() -> int:
    """Tell each coach with figures who wants it about the month that is over, once; return how many were told.

    Due on the first day of each month; any later day of it does the same, since the month is a part of the key.
    """
    month = (clock.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    with unit_of_work(REPORTER, read_only=True):
        declined = ReportPreference.objects.filter(wants_mail=False).values("user")
        coaches = list(User.objects.filter(role=Role.COACH, is_active=True).exclude(pk__in=declined).order_by("pk"))
    return sum(_tell(report_of(coach), month) for coach in coaches)


def _tell(report: Report, month: date) -> bool:
    """Notify one coach; False where there is nothing to tell of."""
    if report.own is None or not report.own.looked_at:
        return False
    with unit_of_work(REPORTER):
        notify(
            user_ids=[report.coach.pk],
            kind=KIND,
            subject_id=report.coach.pk,
            target_type="user",
            target_id=report.coach.pk,
            data={"month": month.isoformat(), **figures_of(report)},
            dedupe_key=f"{KIND}:{month:%Y-%m}",
        )
    return True


def figures_of(report: Report) -> dict[str, Any]:
    """Return the three main figures as texts."""
    assert report.own is not None
    adherence = report.own.adherence
    return {
        "share": percent(report.own.share),
        "adjusted": report.since.adjusted,
        "kept": report.since.kept,
        "adherence": points(adherence, 100, "pp") if adherence.is_identifiable else NOT_IDENTIFIABLE,
    }


def _title(data: dict[str, Any]) -> str:
    month = date.fromisoformat(data["month"])
    return gettext("What the model learned from you until {month}").format(month=day(month, "F Y"))


def _body(data: dict[str, Any]) -> str:
    adherence = gettext(
        "Adherence of the plans that you changed, against those you kept whole: {points} (observational)."
    )
    lines = (
        gettext("You changed {share} of the sessions that you looked at.").format(share=said(data["share"])),
        gettext("{adjusted} sessions came to you adjusted beforehand; you kept {kept}.").format(
            adjusted=data["adjusted"], kept=data["kept"]
        ),
        adherence.format(points=said(data["adherence"])),
        gettext("On the page you can stop this e-mail."),
    )
    return "\n".join(lines)


register_kind(KIND, title=_title, link=lambda data: "/admin/coach-report/", body=_body)
