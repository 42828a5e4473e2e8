"""What goes between the company and people about a rollout: reports, announcements, messages to stakeholders."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from accounts.models import Role, Tier
from common import clock
from common.models import BaseModel
from common.models.base import CiphertextField
from rollout.models.outcome import ARMS
from rollout.support import HIGHEST, TOPICS, Severity

LEVELS = [(level, f"Level {level}") for level in range(1, HIGHEST + 1)]
SEVERITIES = [(severity.value, severity.value.capitalize()) for severity in Severity]
TOPIC_CHOICES = [(topic.value, title) for topic, title in TOPICS.items()]


class ReportStatus(models.TextChoices):
    NEW = "new", "New"
    IN_PROGRESS = "in_progress", "In progress"
    RESOLVED = "resolved", "Resolved"


class Report(BaseModel):
    """One support report (H5). What was written is ciphertext of the athlete, or of the reporter where there is none.

    Flag, rollout, stage and arm are what the server knows of the athlete at that time, never what a client says.
    """

    reporter_id = models.UUIDField(editable=False)
    athlete = models.ForeignKey("accounts.Athlete", null=True, on_delete=models.PROTECT, related_name="+")
    flag = models.ForeignKey("rollout.Flag", null=True, on_delete=models.PROTECT, related_name="reports")
    rollout = models.ForeignKey("rollout.Rollout", null=True, on_delete=models.PROTECT, related_name="reports")
    stage = models.PositiveSmallIntegerField(null=True)
    arm = models.CharField(max_length=8, choices=ARMS, blank=True)
    topic = models.CharField(max_length=16, choices=TOPIC_CHOICES)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    level = models.PositiveSmallIntegerField(choices=LEVELS)
    status = models.CharField(max_length=12, choices=ReportStatus, default=ReportStatus.NEW)
    text = CiphertextField()
    answer = CiphertextField(null=True)
    assigned_to_id = models.UUIDField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "rollout_reports"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["reporter_id", "-id"], name="reports_of_reporter"),
            models.Index(fields=["status", "-level", "id"], name="reports_to_work"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(level__gte=1, level__lte=HIGHEST), name="report_level_known"),
            models.CheckConstraint(condition=Q(severity__in=[n for n, _ in SEVERITIES]), name="report_severity_known"),
            models.CheckConstraint(condition=Q(topic__in=[n for n, _ in TOPIC_CHOICES]), name="report_topic_known"),
            models.CheckConstraint(
                condition=Q(status="new", assigned_to_id=None, resolved_at=None)
                | Q(status="in_progress", assigned_to_id__isnull=False, resolved_at=None)
                | Q(status="resolved", assigned_to_id__isnull=False, resolved_at__isnull=False, answer__isnull=False),
                name="report_status_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}, {self.severity}"

    @property
    def key_of(self) -> UUID:
        """Return under whose key text and answer are encrypted."""
        found: UUID = self.athlete_id or self.reporter_id
        return found


class AnnouncementKind(models.TextChoices):
    RELEASE_NOTE = "release_note", "Release note"
    ANNOUNCEMENT = "announcement", "Announcement"
    KNOWN_ISSUE = "known_issue", "Known issue"


class Audience(models.TextChoices):
    ALL = "all", "Everybody"
    TIER = "tier", "A tier's athletes and their coaches"
    ROLE = "role", "A role"
    FLAG = "flag", "Whoever has a flag on"


class Announcement(BaseModel):
    """What users are told (H4); a draft until it is published. `audience_value` is a tier, a role or a flag's key."""

    kind = models.CharField(max_length=14, choices=AnnouncementKind)
    title = models.CharField(max_length=120)
    body = models.TextField(max_length=4000, help_text="Markdown without HTML: **bold**, lists, [links](https://…).")
    audience = models.CharField(max_length=6, choices=Audience, default=Audience.ALL)
    audience_value = models.CharField(
        max_length=100, blank=True, help_text="Which tier, role or flag; empty for everybody."
    )
    written_by_id = models.UUIDField(editable=False)
    published_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Shown until then; empty for no end.")
    resolved_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Of a known issue.")

    class Meta:
        db_table = "announcements"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [models.Index(fields=["published_at"], name="announcements_published")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=AnnouncementKind.values), name="announcement_kind_known"),
            models.CheckConstraint(
                condition=Q(audience="all", audience_value="")
                | Q(audience="tier", audience_value__in=Tier.values)
                | Q(audience="role", audience_value__in=Role.values)
                | (Q(audience="flag") & ~Q(audience_value="")),
                name="announcement_audience_fits",
                violation_error_message="Name a tier, a role or a flag; nothing for everybody.",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None) | Q(kind="known_issue"), name="announcement_issue_resolved"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class MessageKind(models.TextChoices):
    DAILY_STATUS = "daily_status", "Daily status"
    STEP_COMPLETED = "step_completed", "Step completed"
    INCIDENT = "incident", "Incident"
    WEEKLY = "weekly", "Weekly report"
    POST_ROLLOUT = "post_rollout", "Post-rollout report"
    ALERT = "alert", "Alert"
    ALERT_CLEARED = "alert_cleared", "Alert is over"
    ALERT_TEST = "alert_test", "Test of a channel"


class MessageGroup(models.TextChoices):
    ONCALL = "oncall", "On call"
    TEAM = "team", "Team"
    STAKEHOLDERS = "stakeholders", "Stakeholders"


class MessageState(models.TextChoices):
    PENDING = "pending", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed, will be tried again"
    GIVEN_UP = "given_up", "Given up"


class RolloutMessage(BaseModel):
    """One message to one group of stakeholders (J6), written with the change that it tells of and sent afterwards.

    `next_try_at` is also the lease of whoever sends it. `delivered_json` names the addresses that have it, by hash: the
    addresses are secrets of the environment.
    """

    kind = models.CharField(max_length=14, choices=MessageKind)
    group = models.CharField(max_length=12, choices=MessageGroup)
    rollout = models.ForeignKey("rollout.Rollout", null=True, on_delete=models.PROTECT, related_name="messages")
    incident = models.ForeignKey("rollout.Incident", null=True, on_delete=models.PROTECT, related_name="messages")
    dedupe_key = models.CharField(max_length=160)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    state = models.CharField(max_length=8, choices=MessageState, default=MessageState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    delivered_json = models.JSONField(default=list)

    class Meta:
        db_table = "rollout_messages"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], name="messages_to_send", condition=Q(state__in=["pending", "failed"])),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dedupe_key", "group"], name="one_message_a_cause_and_group"),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="message_state_known"),
            models.CheckConstraint(condition=Q(group__in=MessageGroup.values), name="message_group_known"),
        ]

    def __str__(self) -> str:
        return self.subject
