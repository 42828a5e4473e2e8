"""Judging the alert rules: read what they watch, note how each stands, and hand on what people are to be told.

A rule is judged in a transaction of its own, under its lock; what is to be told is written in it (`AlertNotice`) and
handed to the outbox of messages afterwards, again and again until that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.urls import reverse

from common import clock
from common.alerts import Alert, News, Severity, hand_over
from common.context import register_service, unit_of_work
from common.monitoring import METRICS, Reading, Unit
from telemetry.alert_words import Said, notice_text
from telemetry.alerting import RISING, Comparison, Judged, Standing, Status, Telling, judge, news
from telemetry.models import AlertIncident, AlertNotice, AlertRule, AlertState, Channel

logger = structlog.get_logger("mesocycle.alerts")

ALERTS: Final = register_service("alerts")
RECENT: Final = 60  # readings kept with a state: an hour of looks
MOST_AT_ONCE: Final = 50
EARLY: Final = timedelta(seconds=15)
LEAST_OFTEN: Final = timedelta(hours=1)
SWITCHED_OFF: Final = "the rule was switched off"
NOT_READ: Final = "its label is not read any more"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a turn did: rules judged, labels that fire now, notices handed to the outbox, metrics that failed."""

    rules: int
    firing: int
    handed: int
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a metric read, or why it could not be read."""

    readings: Sequence[Reading] = ()
    error: str = ""


def evaluate_alerts(*, at: datetime | None = None) -> Evaluated:
    """Judge every rule once, due each minute; a metric that cannot be read is "no data", and the others go on."""
    now = at or clock.now()
    with unit_of_work(ALERTS, read_only=True):
        rules = list(AlertRule.objects.order_by("name"))
    found: dict[tuple[str, int], _Found] = {}
    due = [rule for rule in rules if _is_due(rule, now)]
    for rule in due:
        key = (rule.metric, rule.window_minutes)
        if rule.enabled and key not in found:
            found[key] = _read(*key, now)
        with unit_of_work(ALERTS):
            _judge(rule, found.get(key, _Found()), now)
    with unit_of_work(ALERTS, read_only=True):
        firing = AlertState.objects.filter(status=Status.FIRING, rule__enabled=True).count()
    failed = tuple(sorted({metric for (metric, _), one in found.items() if one.error}))
    return Evaluated(len(due), firing, hand_over_notices(), failed)


def hand_over_notices() -> int:
    """Hand what is to be told to the sinks, oldest first; return how many they took. What they refuse waits."""
    with unit_of_work(ALERTS, read_only=True):
        rows = list(AlertNotice.objects.filter(handed_at=None).order_by("id")[:MOST_AT_ONCE])
    handed = 0
    for row in rows:
        alert = Alert(
            row.name, Severity(row.severity), row.text, row.dedupe_key, News(row.news), tuple(row.groups_json)
        )
        try:
            hand_over(alert)
        except Exception:
            logger.exception("an alert was not handed on, it waits", notice_id=str(row.pk), alert=row.name)
            continue
        say = logger.error if row.news in (News.RAISED, News.REMINDED) else logger.info
        say("alert", alert=row.name, severity=row.severity, news=row.news, what=row.text)
        with unit_of_work(ALERTS):
            handed += AlertNotice.objects.filter(pk=row.pk, handed_at=None).update(handed_at=clock.now())
    return handed


def _is_due(rule: AlertRule, now: datetime) -> bool:
    """Return whether a rule's metric is worth reading again; a quarter of a minute early is in time."""
    metric = METRICS.find(rule.metric)
    if rule.evaluated_at is None or metric is None or not rule.enabled:
        return True
    return now - rule.evaluated_at >= min(metric.every, LEAST_OFTEN) - EARLY


def _read(metric: str, window_minutes: int, now: datetime) -> _Found:
    """Read a metric outside any unit of work: it opens its own, as whoever may see what it counts."""
    known = METRICS.find(metric)
    if known is None:
        return _Found(error="there is no such metric")
    try:
        return _Found(list(known.read(now - timedelta(minutes=window_minutes), now)))
    except Exception as error:
        logger.exception("a metric was not read", metric=metric)
        return _Found(error=f"not read ({type(error).__name__})")


def _judge(read: AlertRule, found: _Found, now: datetime) -> None:
    """Judge one rule under its lock; a rule that somebody changed meanwhile, or judged, waits for the next turn."""
    rule = AlertRule.objects.select_for_update().filter(pk=read.pk, version=read.version).first()
    if rule is None or (rule.evaluated_at is not None and rule.evaluated_at >= now):
        return
    if not rule.enabled:
        _switch_off(rule, now)
        return
    states = {state.label: state for state in rule.states.all()}
    readings = _of_rule(rule, found, states)
    for label in sorted(states.keys() | readings.keys()):
        _judge_label(rule, states.get(label), label, readings.get(label), now)
    AlertRule.objects.filter(pk=rule.pk).update(evaluated_at=now, last_error=found.error)


def _of_rule(rule: AlertRule, found: _Found, states: dict[str, AlertState]) -> dict[str, Reading]:
    """Return what was read, by label; what is read no more is what its metric says of that."""
    readings = {one.label: one for one in found.readings if rule.label in ("", one.label)}
    metric = METRICS.find(rule.metric)
    absent = metric.absent if metric is not None and not found.error else None
    if absent is not None:
        for label in (states.keys() | ({rule.label} - {""})) - readings.keys():
            readings[label] = Reading(label, absent, rule.min_n)
    return readings


def _judge_label(rule: AlertRule, state: AlertState | None, label: str, reading: Reading | None, now: datetime) -> None:
    """Judge one label, note it, and begin, follow or end its incident."""
    outside = rule.label not in ("", label)
    state = state or AlertState(rule=rule, label=label, read_at=now)
    before = Standing(Status(state.status), state.since, state.has_data)
    value, n = (reading.value, reading.n) if reading else (None, 0)
    after = judge(judged_of(rule), before, value, n, now)
    if outside:  # the rule was narrowed to another label
        after = Standing(Status.OK, now)
    state.status, state.since, state.has_data, state.read_at = after.status.value, after.since, after.has_data, now
    if reading is not None:
        state.value, state.n, state.text = value, n, reading.text[:500]
        state.recent_json = [*state.recent_json, [int(now.timestamp()), value]][-RECENT:]
    if state.pk and after.status is Status.OK and (outside or (reading is None and not rule.last_error)):
        AlertState.objects.filter(pk=state.pk).delete()
    else:
        state.save()
    _follow(rule, state, before, after, NOT_READ if outside else "", now)


def judged_of(rule: AlertRule) -> Judged:
    """Return what is judged of a rule."""
    return Judged(
        Comparison(rule.comparison),
        rule.threshold,
        rule.clear_threshold,
        timedelta(seconds=rule.lasting_seconds),
        rule.min_n,
    )


def _follow(rule: AlertRule, state: AlertState, before: Standing, after: Standing, why: str, now: datetime) -> None:
    """Begin an incident with a label that fires, keep its worst value, end it with it, and write what is to be told."""
    incident = AlertIncident.objects.filter(rule=rule, label=state.label, ended_at=None).first()
    if after.status is Status.FIRING:
        if incident is None:
            incident = AlertIncident(rule=rule, label=state.label, began_at=now, value=state.value or 0.0)
        incident.severity, incident.threshold = rule.severity, rule.threshold
        if after.has_data and state.value is not None:
            worst = max if Comparison(rule.comparison) in RISING else min
            incident.value, incident.n, incident.text = worst(incident.value, state.value), state.n, state.text
        incident.n = incident.n or 0
    elif incident is not None:
        incident.ended_at, incident.end_reason = now, why
    if incident is not None:
        incident.save()
        _tell(rule, incident, state, now)


def _tell(rule: AlertRule, incident: AlertIncident, state: AlertState, now: datetime) -> None:
    """Write a notice if something is to be told now."""
    if rule.channel == Channel.NOBODY:
        return
    remind = timedelta(minutes=rule.remind_minutes) if rule.remind_minutes else None
    ended, acknowledged = incident.ended_at is not None, incident.acknowledged_at is not None
    what = news(Telling(incident.told_at, ended, acknowledged, rule.silenced_until, remind), now)
    if what is None:
        return
    AlertNotice.objects.create(
        incident=incident,
        news=what.value,
        name=rule.name,
        severity=incident.severity,
        groups_json=groups_of(rule),
        text=notice_text(_said(rule, incident, state), what, now, settings.PUBLIC_URL + page_of(incident)),
    )
    incident.told_at = now
    incident.save(update_fields=["told_at"])


def _said(rule: AlertRule, incident: AlertIncident, state: AlertState) -> Said:
    metric = METRICS.find(rule.metric)
    return Said(
        title=metric.title if metric else rule.metric,
        label=incident.label,
        unit=metric.unit if metric else Unit.NUMBER,
        comparison=rule.comparison,
        threshold=incident.threshold,
        value=state.value,
        n=state.n,
        window=timedelta(minutes=rule.window_minutes),
        began_at=incident.began_at,
        text=incident.text,
    )


def groups_of(rule: AlertRule) -> list[str]:
    """Return the groups that a rule tells; none is "whom the severity concerns"."""
    return [] if rule.channel == Channel.BY_SEVERITY else [rule.channel]


def page_of(incident: AlertIncident) -> str:
    """Return the page of an incident."""
    return reverse("admin:telemetry_alertincident_change", args=[incident.pk])


def _switch_off(rule: AlertRule, now: datetime) -> None:
    """Forget how a rule stood that is not judged any more; nobody is told: somebody decided it."""
    AlertState.objects.filter(rule=rule).delete()
    AlertIncident.objects.filter(rule=rule, ended_at=None).update(ended_at=now, end_reason=SWITCHED_OFF)
