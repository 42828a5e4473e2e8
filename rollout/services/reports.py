"""Support reports (H5): filed by athletes and coaches, routed by a table, worked by administrators and support."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from accounts.models import Athlete, Role, User
from accounts.scope import athlete_for, require
from accounts.services.notify import notify
from audit.models import AuditEvent
from audit.services import record
from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible, WrongState
from common.keys import encrypt_for
from rollout.lifecycle import EXPOSING
from rollout.messages.render import critical_report
from rollout.models import (
    Flag,
    MessageGroup,
    MessageKind,
    OutcomeFact,
    OutcomeKind,
    Report,
    ReportStatus,
    Rollout,
)
from rollout.policies import OF_ATHLETES, Actor, visible_reports
from rollout.services.messages import tell
from rollout.services.outcomes import record_fact
from rollout.support import HIGHEST, Route, Severity, Topic, route
from telemetry.services import emit

LONGEST: Final = 4000
ANSWERED: Final = "report.answered"


def file_report(*, topic: str, severity: str, text: str, athlete_id: UUID | None = None, acting_user: Actor) -> Report:
    """File a report; what it is about (flag, rollout, stage, arm) is what the server knows of the athlete.

    An athlete reports about themselves, a coach about an athlete of theirs or about nobody in particular. A critical
    report is told to the people on call.

    Raises:
        NotVisible, NotPermitted: as `athlete_for` with `report:add`.
        InvalidInput: an unknown topic or severity, an empty or endless text.
    """
    if topic not in list(Topic) or severity not in list(Severity):
        raise InvalidInput("There is no such topic or severity.", pointer="/topic")
    said = _checked(text, "/text")
    with unit_of_work(acting_user):
        require(acting_user, "report:add")
        athlete = _athlete(acting_user, athlete_id)
        way = route(Topic(topic), Severity(severity))
        report = Report(
            reporter_id=actor_id(acting_user), athlete=athlete, topic=topic, severity=severity, level=way.level
        )
        report.text = encrypt_for(report.key_of, said)
        if athlete is not None:
            _attach(report, athlete, way)
        report.save(force_insert=True)
        _record("report.add", report)
        _emit(report)
        if severity == Severity.CRITICAL:
            _tell_critical(report)
        return report


def take_report(*, report_id: UUID, acting_user: Actor) -> Report:
    """Take a report to work on it, also from somebody else who has it.

    Raises:
        NotPermitted, NotVisible: the role works no reports; there is none such in the user's scope.
        WrongState: it is resolved.
    """
    with unit_of_work(acting_user):
        report = _to_work(report_id, acting_user)
        report.status, report.assigned_to_id = ReportStatus.IN_PROGRESS, actor_id(acting_user)
        report.save(update_fields=["status", "assigned_to_id"])
        _record("report.take", report)
        return report


def raise_report(*, report_id: UUID, reason: str, acting_user: Actor) -> Report:
    """Pass a report to the next level, where it is new again.

    Raises:
        NotPermitted, NotVisible, WrongState: as `take_report`; also where it stands on the last level.
        InvalidInput: no reason.
    """
    with unit_of_work(acting_user):
        report = _to_work(report_id, acting_user)
        why = _checked(reason, "/reason")
        if report.level == HIGHEST:
            raise WrongState(f"Level {HIGHEST} is the last.")
        report.level += 1
        report.status, report.assigned_to_id = ReportStatus.NEW, None
        report.save(update_fields=["level", "status", "assigned_to_id"])
        if report.level == HIGHEST and report.topic == Topic.UNSAFE_PLAN:
            _confirm_unsafe(report)
        _record("report.raise", report, reason=why)
        return report


def resolve_report(*, report_id: UUID, answer: str, acting_user: Actor) -> Report:
    """Close a report with an answer, which the reporter reads and is notified of.

    Raises:
        NotPermitted, NotVisible, WrongState: as `take_report`.
        InvalidInput: no answer.
        KeyDestroyed: the person was erased; nobody could read the answer.
    """
    with unit_of_work(acting_user):
        report = _to_work(report_id, acting_user)
        report.answer = encrypt_for(report.key_of, _checked(answer, "/answer"))
        report.status, report.resolved_at = ReportStatus.RESOLVED, clock.now()
        report.assigned_to_id = report.assigned_to_id or actor_id(acting_user)
        report.save(update_fields=["answer", "status", "resolved_at", "assigned_to_id"])
        _record("report.resolve", report)
        _tell_reporter(report)
        return report


def _athlete(user: Actor, athlete_id: UUID | None) -> Athlete | None:
    if athlete_id is not None:
        return athlete_for(user, "report:add", athlete_id)
    if not isinstance(user, User) or user.role != Role.ATHLETE:
        return None
    own = Athlete.objects.filter(user=user).first()
    if own is None:
        raise NotVisible("You are no athlete here.")
    return own


def _attach(report: Report, athlete: Athlete, way: Route) -> None:
    """Note which way the athlete's plans went, and count the report for that arm where it is about a feature."""
    newest = OutcomeFact.objects.filter(athlete_id=athlete.pk).select_related("rollout").order_by("-id").first()
    flag_id = newest.rollout.flag_id if newest else _flag_under_rollout()
    if flag_id is None:
        return
    key = Flag.objects.values_list("name", flat=True).get(pk=flag_id)
    counted = None
    if way.counts:
        counted = record_fact(
            flag_key=key,
            athlete_id=athlete.pk,
            kind=OutcomeKind.REPORT,
            source_id=report.pk,
            critical=report.severity == Severity.CRITICAL,
        )
    known = counted or newest
    if known is not None:
        report.flag_id = flag_id
        report.rollout_id, report.stage, report.arm = known.rollout_id, known.stage, known.arm


def _flag_under_rollout() -> UUID | None:
    """Return the flag of plans that is being rolled out, for an athlete of whom no answer is known yet."""
    live = Rollout.objects.filter(flag__name__startswith=OF_ATHLETES, state__in=sorted(EXPOSING))
    found: UUID | None = live.values_list("flag_id", flat=True).first()
    return found


def _confirm_unsafe(report: Report) -> None:
    """Count an unsafe plan for the arm that made it, once staff has passed it to the last level: a breaker may kill."""
    if report.athlete_id is None or report.flag_id is None:
        return
    record_fact(
        flag_key=Flag.objects.values_list("name", flat=True).get(pk=report.flag_id),
        athlete_id=report.athlete_id,
        kind=OutcomeKind.REPORT,
        source_id=uuid5(report.pk, "unsafe"),
        unsafe=True,
    )


def _to_work(report_id: UUID, user: Actor) -> Report:
    require(user, "report:work")
    rows = Report.objects.select_for_update(of=("self",), no_key=True)
    report = rows.filter(visible_reports(user), pk=report_id).first()
    if report is None:
        raise NotVisible("There is no such report, or you may not see it.")
    if report.status == ReportStatus.RESOLVED:
        raise WrongState("This report is resolved; a new one may say what is still open.")
    return report


def _checked(text: str, pointer: str) -> str:
    said = text.strip()
    if not said or len(said) > LONGEST or "\x00" in said:
        raise InvalidInput(f"Say it in 1 to {LONGEST} characters.", pointer=pointer)
    return said


def _record(action: str, report: Report, **more: str) -> None:
    about = {"topic": report.topic, "severity": report.severity, "level": report.level}
    flag = {"flag": str(report.flag_id)} if report.flag_id else {}
    subject_id = report.athlete_id
    event: AuditEvent = record(action, target_id=report.pk, subject_id=subject_id, metadata={**about, **flag, **more})
    state = {"status": report.status, "level": report.level, "assigned_to": str(report.assigned_to_id or "")}
    record("report.state", target_id=report.pk, subject_id=subject_id, metadata=state, linked_to=event)


def _emit(report: Report) -> None:
    data = {
        "report_id": report.pk,
        "topic": report.topic,
        "severity": report.severity,
        "level": report.level,
        "athlete": report.athlete_id,
        "flag": _flag_key(report) or None,
        "arm": report.arm,
    }
    emit("report.filed", aggregate_id=report.pk, data=data)


def _flag_key(report: Report) -> str:
    return Flag.objects.values_list("name", flat=True).get(pk=report.flag_id) if report.flag_id else ""


def _tell_critical(report: Report) -> None:
    text = critical_report(Topic(report.topic), _flag_key(report), report.arm)
    tell(
        MessageKind.ALERT,
        dedupe_key=f"report:{report.pk}",
        groups=(MessageGroup.ONCALL, MessageGroup.TEAM),
        subject=text.subject,
        text=text.body,
        rollout=report.rollout,
    )


def _tell_reporter(report: Report) -> None:
    role = User.objects.filter(pk=report.reporter_id, is_active=True).values_list("role", flat=True).first()
    if role is None:
        return
    notify(
        user_ids=[report.reporter_id],
        kind=ANSWERED,
        subject_id=report.key_of,
        target_type="report",
        target_id=report.pk,
        data={"topic": report.topic, "for": "athlete" if role == Role.ATHLETE else "staff"},
        dedupe_key=f"{ANSWERED}:{report.pk}",
    )
