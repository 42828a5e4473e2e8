"""Alert rules, how each stands, what fired when, and what people were told."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from common.alerts import News, Severity
from common.models import BaseModel
from telemetry.alerting import RISING, Comparison, Status

FALLING = sorted(one.value for one in Comparison if one not in RISING)
COMPARISONS = [
    (Comparison.ABOVE.value, "above"),
    (Comparison.AT_LEAST.value, "at least"),
    (Comparison.BELOW.value, "below"),
    (Comparison.AT_MOST.value, "at most"),
]
SEVERITIES = [(Severity.WARNING.value, "Warning"), (Severity.CRITICAL.value, "Critical")]


class Channel(models.TextChoices):
    """Whom a rule tells; the groups are those that have addresses (`NOTIFY_URLS_…`)."""

    BY_SEVERITY = "by_severity", "By severity: critical on call and team, warning the team"
    ONCALL = "oncall", "On call"
    TEAM = "team", "Team"
    STAKEHOLDERS = "stakeholders", "Stakeholders"
    NOBODY = "nobody", "Nobody: shown here only"


class AlertRule(BaseModel):
    """One rule; nothing is deleted, a rule that is not wanted is switched off. Changed by `telemetry.services` alone.

    The silence is the whole rule's. `last_error` says why the metric could not be read at the last look.
    """

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=500, blank=True)
    metric = models.CharField(max_length=60)
    label = models.CharField(max_length=200, blank=True, help_text="Only this label; empty for each by itself.")
    comparison = models.CharField(max_length=8, choices=COMPARISONS, default=Comparison.ABOVE.value)
    threshold = models.FloatField(help_text="Fires beyond this.")
    clear_threshold = models.FloatField(help_text="Is over within this.")
    window_minutes = models.PositiveIntegerField(help_text="The time that the metric is taken over.")
    lasting_seconds = models.PositiveIntegerField(default=0, help_text="How long it must last before it fires.")
    min_n = models.PositiveIntegerField(default=1, help_text="Below so many cases there is no data.")
    severity = models.CharField(max_length=8, choices=SEVERITIES, default=Severity.WARNING.value)
    channel = models.CharField(max_length=12, choices=Channel, default=Channel.BY_SEVERITY)
    remind_minutes = models.PositiveIntegerField(default=240, help_text="Told again after this long; 0 for once.")
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    silenced_until = models.DateTimeField(null=True, blank=True)
    silence_reason = models.CharField(max_length=300, blank=True)
    silenced_by_id = models.UUIDField(null=True, blank=True)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "alert_rules"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(comparison__in=FALLING, clear_threshold__gte=F("threshold"))
                | Q(comparison__in=sorted(one.value for one in RISING), clear_threshold__lte=F("threshold")),
                name="alert_clears_on_the_good_side",
            ),
            models.CheckConstraint(condition=Q(window_minutes__gte=1), name="alert_window_not_empty"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="alert_channel_known"),
            models.CheckConstraint(
                condition=Q(severity__in=[one.value for one in Severity]), name="alert_severity_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AlertState(BaseModel):
    """How a rule stood for one label at its last look; `recent_json` are its last readings, oldest first."""

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="states")
    label = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, default=Status.OK.value, choices=[(one.value, one.value) for one in Status])
    since = models.DateTimeField(null=True)
    value = models.FloatField(null=True)
    n = models.PositiveIntegerField(default=0)
    text = models.CharField(max_length=500, blank=True)
    has_data = models.BooleanField(default=False)
    read_at = models.DateTimeField()
    recent_json = models.JSONField(default=list)

    class Meta:
        db_table = "alert_states"
        ordering: ClassVar = ["rule", "label"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["rule", "label"], name="one_state_a_rule_and_label")]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.label}: {self.status}"


class AlertIncident(BaseModel):
    """One time that a rule fired for a label, with what it was judged by then; open until `ended_at`."""

    rule = models.ForeignKey(AlertRule, on_delete=models.PROTECT, related_name="incidents")
    label = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=8, choices=SEVERITIES)
    threshold = models.FloatField()
    value = models.FloatField(help_text="The worst so far.")
    n = models.PositiveIntegerField()
    text = models.CharField(max_length=500, blank=True)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=100, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by_id = models.UUIDField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_incidents"
        verbose_name = "alert"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "label"], name="one_open_incident_a_rule_and_label", condition=Q(ended_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.label} {self.began_at:%Y-%m-%d %H:%M}"


class AlertNotice(BaseModel):
    """Something to be told, written with what it tells of; `handed_at` once the outbox of messages has it.

    Without an incident it is the test of a channel. Handed over twice it is told once, by its `dedupe_key`.
    """

    incident = models.ForeignKey(AlertIncident, null=True, on_delete=models.CASCADE, related_name="notices")
    news = models.CharField(max_length=8, choices=[(one.value, one.value) for one in News])
    name = models.CharField(max_length=100)
    severity = models.CharField(max_length=8, choices=SEVERITIES)
    groups_json = models.JSONField(default=list)
    text = models.TextField()
    handed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alert_notices"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="alert_notices_to_hand_over", condition=Q(handed_at=None))
        ]

    def __str__(self) -> str:
        return f"{self.news} {self.name}"

    @property
    def dedupe_key(self) -> str:
        """Return the key under which the sinks tell it once."""
        return str(self.pk)
