"""What people do about alerts: write and change rules, silence, acknowledge, try a channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError

from audit.services import record
from common import clock
from common.actors import actor_id
from common.admin import may
from common.alerts import News, Severity, groups
from common.context import Actor, ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState, flatten_errors
from common.monitoring import METRICS
from common.plain import plain
from telemetry.alerting import Comparison, is_consistent
from telemetry.models import AlertIncident, AlertNotice, AlertRule
from telemetry.services.dead_letters import OPERATE

FIELDS: Final = (
    "name",
    "description",
    "metric",
    "label",
    "comparison",
    "threshold",
    "clear_threshold",
    "window_minutes",
    "lasting_seconds",
    "min_n",
    "severity",
    "channel",
    "remind_minutes",
    "enabled",
)
LONGEST_WINDOW: Final = 62 * 24 * 60
LONGEST_SILENCE: Final = timedelta(days=30)
LONGEST_REASON: Final = 300


def add_rule(*, fields: Mapping[str, Any], acting_user: Actor) -> AlertRule:
    """Write a rule.

    Raises:
        NotPermitted: the role does not operate telemetry.
        InvalidInput: a value is missing or impossible; `errors` points at each.
    """
    _require(acting_user)
    with unit_of_work(acting_user):
        rule = AlertRule(**{name: fields[name] for name in FIELDS if name in fields})
        _check(rule)
        rule.save(force_insert=True)
        changes = {name: [None, getattr(rule, name)] for name in FIELDS}
        record("telemetry.alert_rule.added", target_id=rule.pk, metadata={"name": rule.name, "changes": plain(changes)})
        return rule


def change_rule(*, rule_id: UUID, fields: Mapping[str, Any], expected: int, acting_user: Actor) -> AlertRule:
    """Change a rule; what fires goes on firing until it is judged by the new values.

    Raises:
        NotPermitted: the role does not operate telemetry.
        NotVisible: there is no such rule.
        StaleVersion: somebody changed it since.
        InvalidInput: a value is impossible; `errors` points at each.
    """
    _require(acting_user)
    with unit_of_work(acting_user):
        rule = _rule(rule_id)
        if rule.version != expected:
            raise StaleVersion(f"The rule is at version {rule.version} now.", current_etag=f'"{rule.version}"')
        before = {name: getattr(rule, name) for name in FIELDS}
        for name in FIELDS:
            setattr(rule, name, fields.get(name, before[name]))
        _check(rule)
        changes = {n: [before[n], getattr(rule, n)] for n in FIELDS if before[n] != getattr(rule, n)}
        if changes:
            rule.version += 1
            rule.save()
            metadata = {"name": rule.name, "changes": plain(changes)}
            record("telemetry.alert_rule.changed", target_id=rule.pk, metadata=metadata)
        return rule


def silence_rule(*, rule_id: UUID, until: datetime, reason: str, acting_user: Actor) -> AlertRule:
    """Tell nobody of a rule until a moment; it goes on being judged and shown.

    Raises:
        NotPermitted: the role does not operate telemetry.
        NotVisible: there is no such rule.
        InvalidInput: no reason, or a moment that is over or more than 30 days away.
    """
    _require(acting_user)
    why, now = reason.strip(), clock.now()
    if not 0 < len(why) <= LONGEST_REASON or "\x00" in why:
        raise InvalidInput(f"Say why, in 1 to {LONGEST_REASON} characters.", pointer="/reason")
    if not now < until <= now + LONGEST_SILENCE:
        raise InvalidInput(f"A silence ends within {LONGEST_SILENCE.days} days from now.", pointer="/until")
    with unit_of_work(acting_user):
        rule = _rule(rule_id)
        rule.silenced_until, rule.silence_reason, rule.silenced_by_id = until, why, actor_id(acting_user)
        rule.save(update_fields=["silenced_until", "silence_reason", "silenced_by_id"])
        metadata = {"name": rule.name, "until": until.isoformat(), "reason": why}
        record("telemetry.alert_rule.silenced", target_id=rule.pk, metadata=metadata)
        return rule


def end_silence(*, rule_id: UUID, acting_user: Actor) -> AlertRule:
    """Let a rule tell again; what fires and was not told is told at the next look.

    Raises:
        NotPermitted: the role does not operate telemetry.
        NotVisible: there is no such rule.
        WrongState: it is not silenced.
    """
    _require(acting_user)
    with unit_of_work(acting_user):
        rule = _rule(rule_id)
        if rule.silenced_until is None or rule.silenced_until <= clock.now():
            raise WrongState("The rule is not silenced.")
        rule.silenced_until, rule.silence_reason, rule.silenced_by_id = None, "", None
        rule.save(update_fields=["silenced_until", "silence_reason", "silenced_by_id"])
        record("telemetry.alert_rule.unsilenced", target_id=rule.pk, metadata={"name": rule.name})
        return rule


def acknowledge_alert(*, incident_id: UUID, acting_user: Actor) -> AlertIncident:
    """Say that somebody is on it: nobody is reminded any more, the end is told.

    Raises:
        NotPermitted: the role does not operate telemetry.
        NotVisible: there is no such alert.
        WrongState: it is over, or somebody acknowledged it.
    """
    _require(acting_user)
    with unit_of_work(acting_user):
        incident = AlertIncident.objects.select_for_update(of=("self",)).filter(pk=incident_id).first()
        if incident is None:
            raise NotVisible("There is no such alert.")
        if incident.ended_at is not None:
            raise WrongState("The alert is over.")
        if incident.acknowledged_at is not None:
            raise WrongState("Somebody has acknowledged it already.")
        incident.acknowledged_at, incident.acknowledged_by_id = clock.now(), actor_id(acting_user)
        incident.save(update_fields=["acknowledged_at", "acknowledged_by_id"])
        metadata = {"name": incident.rule.name, "label": incident.label}
        record("telemetry.alert.acknowledged", target_id=incident.pk, metadata=metadata)
        return incident


def try_channel(*, group: str, acting_user: Actor) -> AlertNotice:
    """Write a harmless message to a group, sent like every alert; the page shows what became of it.

    Raises:
        NotPermitted: the role does not operate telemetry.
        InvalidInput: there is no such group.
    """
    _require(acting_user)
    if group not in groups():
        raise InvalidInput("There is no such group.", pointer="/group")
    with unit_of_work(acting_user):
        notice = AlertNotice.objects.create(
            news=News.TEST.value,
            name="alerts reach this group",
            severity=Severity.WARNING.value,
            groups_json=[group],
            text="Somebody tries this channel out. There is nothing to do.",
        )
        record("telemetry.channel.tested", target_id=notice.pk, metadata={"group": group})
        return notice


def _require(acting_user: Actor) -> None:
    if not isinstance(acting_user, ServiceIdentity) and not may(acting_user, OPERATE):
        raise NotPermitted("Your role does not operate telemetry.")


def _rule(rule_id: UUID) -> AlertRule:
    rule = AlertRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise NotVisible("There is no such rule.")
    return rule


def _check(rule: AlertRule) -> None:
    """Refuse what cannot be judged.

    Raises:
        InvalidInput: with all that is wrong.
    """
    errors = []
    try:
        rule.full_clean(validate_constraints=False)
    except ValidationError as error:
        errors += flatten_errors(error.message_dict)
    wrong = {
        "/metric": rule.metric not in METRICS and "There is no such metric.",
        "/window_minutes": not 1 <= _whole(rule.window_minutes) <= LONGEST_WINDOW and "From a minute to 62 days.",
        "/clear_threshold": not _clears(rule) and "It must lie on the good side of the threshold, or be the same.",
    }
    errors += [{"pointer": pointer, "detail": text} for pointer, text in wrong.items() if text]
    if errors:
        raise InvalidInput(errors[0]["detail"], errors=errors)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _clears(rule: AlertRule) -> bool:
    values = (rule.threshold, rule.clear_threshold)
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in values):
        return False
    known = {one.value for one in Comparison}
    return rule.comparison in known and is_consistent(Comparison(rule.comparison), *values)
