"""What the pages of alerts show: what fires, how the rules stand, what was told lately."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Prefetch
from django.utils.translation import gettext

from common import clock
from common.alerts import Delivery, News, Severity, deliveries, delivery_key, groups
from common.monitoring import METRICS, Unit
from common.translating.showing import day, shown
from telemetry.alert_words import Pill, limit_text, span, value_text
from telemetry.alerting import Status
from telemetry.models import AlertIncident, AlertNotice, AlertRule, AlertState, Channel
from telemetry.words import shipped

RECENT_INCIDENTS: Final = 30
RECENT_TESTS: Final = 5
STALE_AFTER: Final = timedelta(minutes=5)
SEVERITIES: Final = {
    Severity.CRITICAL.value: Pill("error", "Critical", "bad"),
    Severity.WARNING.value: Pill("warning", "Warning", "wait"),
}
STATUSES: Final = {
    Status.OK.value: Pill("check_circle", "OK", "good"),
    Status.PENDING.value: Pill("hourglass_top", "Pending", "wait"),
    Status.FIRING.value: Pill("notifications_active", "Firing", "bad"),
}
TOLD: Final = {Severity.CRITICAL.value: "On call, team", Severity.WARNING.value: "Team"}
NO_DATA: Final = Pill("block", "No data", "nodata")
OFF: Final = Pill("toggle_off", "Off", "none")
SILENCED: Final = Pill("notifications_off", "Silenced", "none")
NEWS: Final = {
    News.RAISED.value: "Raised",
    News.REMINDED.value: "Reminder",
    News.CLEARED.value: "Over",
    News.TEST.value: "Test",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that was told, and what became of it for each group."""

    word: str
    at: datetime
    deliveries: tuple[Delivery, ...]
    is_waiting: bool

    @property
    def pill(self) -> Pill:
        """The worst that became of it."""
        rows = self.deliveries
        if self.is_waiting:
            return Pill("schedule", "Not handed on yet", "wait")
        if any(not row.is_sent and not row.is_open for row in rows):
            return Pill("cancel", "Not delivered", "bad")
        if any(row.is_open and row.attempts for row in rows):
            return Pill("replay", "Tried again", "wait")
        if any(row.is_open for row in rows):
            return Pill("schedule", "Being sent", "wait")
        return Pill("check_circle", "Sent", "good") if rows else Pill("block", "Not kept any more", "none")


@dataclass(frozen=True, slots=True)
class Incident:
    """One time that a rule fired."""

    pk: UUID
    rule: AlertRule
    name: str
    describes: str
    label: str
    severity: Pill
    value: str
    limit: str
    n: int
    text: str
    began_at: datetime
    ended_at: datetime | None
    lasted: str
    end_reason: str
    acknowledged: str
    silenced: str
    has_data: bool
    notices: tuple[Notice, ...]
    spark: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """How a rule stands for one label; `spark` is an SVG path in a box of 100 x 100."""

    label: str
    pill: Pill
    value: str
    n: str
    note: str
    spark: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule with all its labels."""

    rule: AlertRule
    name: str
    describes: str
    title: str
    limit: str
    severity: Pill
    over: str
    channel: str
    lines: tuple[Line, ...]
    error: str
    silenced: str


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page of alerts."""

    firing: tuple[Incident, ...]
    recent: tuple[Incident, ...]
    rules: tuple[RuleRow, ...]
    tests: tuple[Notice, ...]
    channels: tuple[tuple[str, str, int], ...]
    judged_at: datetime | None
    is_stale: bool
    now: datetime


def page_of_alerts(now: datetime) -> Page:
    """Return the page; runs in the caller's unit of work."""
    rules = list(AlertRule.objects.prefetch_related(Prefetch("states", AlertState.objects.order_by("label"))))
    open_ones = list(AlertIncident.objects.filter(ended_at=None).select_related("rule").order_by("began_at"))
    ended = list(AlertIncident.objects.exclude(ended_at=None).select_related("rule").order_by("-ended_at"))[
        :RECENT_INCIDENTS
    ]
    found = incidents([*open_ones, *ended])
    judged = max((rule.evaluated_at for rule in rules if rule.evaluated_at), default=None)
    tests = AlertNotice.objects.filter(incident=None).order_by("-id")[:RECENT_TESTS]
    addresses = groups()
    names = dict(Channel.choices)
    return Page(
        firing=tuple(sorted(found[: len(open_ones)], key=lambda one: one.severity.tone)),  # bad before wait
        recent=tuple(found[len(open_ones) :]),
        rules=tuple(sorted((_rule_row(rule, now) for rule in rules), key=_by_need)),
        tests=notices(list(tests)),
        channels=tuple((name, str(names.get(name, name)), count) for name, count in addresses.items()),
        judged_at=judged,
        is_stale=bool(rules) and (judged is None or now - judged > STALE_AFTER),
        now=now,
    )


def incidents(rows: Sequence[AlertIncident]) -> list[Incident]:
    """Return incidents as they are shown, in their order."""
    by_incident: dict[UUID | None, list[AlertNotice]] = {}
    found = AlertNotice.objects.filter(incident__in=[row.pk for row in rows]).order_by("id")
    for notice in found:
        by_incident.setdefault(notice.incident_id, []).append(notice)
    told = deliveries([delivery_key(one.name, one.dedupe_key) for rows_of in by_incident.values() for one in rows_of])
    names = _names({row.acknowledged_by_id for row in rows} | {row.rule.silenced_by_id for row in rows})
    states = {
        (state.rule_id, state.label): state
        for state in AlertState.objects.filter(rule__in={row.rule_id for row in rows if row.ended_at is None})
    }
    now = clock.now()
    return [
        _incident(row, states.get((row.rule_id, row.label)), by_incident.get(row.pk, []), told, names, now)
        for row in rows
    ]


def _incident(
    row: AlertIncident,
    state: AlertState | None,
    own: Sequence[AlertNotice],
    told: dict[str, list[Delivery]],
    names: dict[UUID, str],
    now: datetime,
) -> Incident:
    title, unit = title_and_unit(row.rule)
    acknowledged = ""
    if row.acknowledged_at is not None:
        who = names.get(row.acknowledged_by_id or UUID(int=0)) or shown("a command")
        acknowledged = f"{who}, {moment(row.acknowledged_at)}"
    silenced = _silence(row.rule, now, names) if row.ended_at is None else ""
    current = state.value if state is not None and row.ended_at is None else row.value
    return Incident(
        pk=row.pk,
        rule=row.rule,
        name=shipped(row.rule.name),
        describes=shipped(row.rule.description),
        label=row.label,
        severity=SEVERITIES[row.severity],
        value=value_text(unit, current),
        limit=limit_text(unit, row.rule.comparison, row.threshold),
        n=state.n if state is not None else row.n,
        text=row.text,
        began_at=row.began_at,
        ended_at=row.ended_at,
        lasted=span((row.ended_at or now) - row.began_at),
        end_reason=row.end_reason,
        acknowledged=acknowledged,
        silenced=silenced,
        has_data=state is None or state.has_data,
        notices=tuple(_notice(one, told) for one in own),
        spark=spark(state.recent_json) if state is not None else "",
    )


def notices(rows: Sequence[AlertNotice]) -> tuple[Notice, ...]:
    """Return notices with what became of them, in their order."""
    told = deliveries([delivery_key(row.name, row.dedupe_key) for row in rows])
    return tuple(_notice(row, told) for row in rows)


def _notice(row: AlertNotice, told: dict[str, list[Delivery]]) -> Notice:
    found = told.get(delivery_key(row.name, row.dedupe_key), [])
    return Notice(NEWS[row.news], row.created_at, tuple(found), row.handed_at is None)


def _rule_row(rule: AlertRule, now: datetime) -> RuleRow:
    title, unit = title_and_unit(rule)
    by_severity = rule.channel == Channel.BY_SEVERITY
    return RuleRow(
        rule=rule,
        name=shipped(rule.name),
        describes=shipped(rule.description),
        title=title,
        limit=limit_text(unit, rule.comparison, rule.threshold),
        severity=SEVERITIES[rule.severity],
        over=span(timedelta(minutes=rule.window_minutes)),
        channel=TOLD[rule.severity] if by_severity else rule.get_channel_display().partition(":")[0],
        lines=_lines(rule, unit) if rule.enabled else (),
        error=rule.last_error,
        silenced=_silence(rule, now, {}),
    )


def _lines(rule: AlertRule, unit: Unit) -> tuple[Line, ...]:
    """Return a line for each label; of what is counted by label and was not found there is none, which is well."""
    lines = tuple(_line(rule, state, unit) for state in rule.states.all())
    metric = METRICS.find(rule.metric)
    if lines or rule.last_error or rule.evaluated_at is None or metric is None or metric.absent is None:
        return lines
    return (Line("", STATUSES[Status.OK.value], value_text(unit, metric.absent), "0", "", ""),)


def _line(rule: AlertRule, state: AlertState, unit: Unit) -> Line:
    pill = STATUSES[state.status] if state.has_data or state.status == Status.FIRING else NO_DATA
    few = state.value is not None and state.n < rule.min_n
    note = f"fewer than {rule.min_n}" if few else "" if state.has_data else "not known"
    return Line(state.label, pill, value_text(unit, state.value), f"{state.n:,}", note, spark(state.recent_json))


def _by_need(row: RuleRow) -> tuple[int, str]:
    words = {line.pill.word for line in row.lines}
    need = 0 if "Firing" in words else 1 if row.error or "Pending" in words else 2
    return (3 if not row.rule.enabled else need), row.rule.name.lower()


def _silence(rule: AlertRule, now: datetime, names: dict[UUID, str]) -> str:
    if rule.silenced_until is None or rule.silenced_until <= now:
        return ""
    by = names.get(rule.silenced_by_id) if rule.silenced_by_id else None
    until = gettext("until {moment}: {reason}").format(moment=moment(rule.silenced_until), reason=rule.silence_reason)
    return until + (f" ({by})" if by else "")


def title_and_unit(rule: AlertRule) -> tuple[str, Unit]:
    """Return a rule's metric in words, and its unit."""
    metric = METRICS.find(rule.metric)
    return (metric.title, metric.unit) if metric else (rule.metric, Unit.NUMBER)


def moment(at: datetime) -> str:
    """Return a time, UTC, to the minute."""
    return day(at, "j M H:i")


def spark(recent: Sequence[Sequence[float | None]]) -> str:
    """Return readings as an SVG path in a box of 100 x 100; it breaks where there was no data."""
    values = [one[1] for one in recent]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    height, last, parts, is_down = (high - low) or 1.0, len(values) - 1, [], False
    for index, value in enumerate(values):
        if value is not None:
            place = 95 - 90 * (value - low) / height if high > low else 50.0
            parts.append(f"{'L' if is_down else 'M'}{100 * index / last:.1f} {place:.1f}")
        is_down = value is not None
    return "".join(parts)


def _names(ids: Collection[UUID | None]) -> dict[UUID, str]:
    wanted: Iterable[UUID] = [one for one in ids if one is not None]
    users = get_user_model()._default_manager.filter(pk__in=wanted) if wanted else ()
    return {user.pk: str(user) for user in users}
