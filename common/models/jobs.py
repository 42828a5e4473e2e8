"""Work that outlives its request. The row is the truth; Celery only carries the message."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from common.models.base import BaseModel


class JobState(models.TextChoices):
    """Where a job stands; only `common.jobs` moves it."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(BaseModel):
    """One piece of work: `lease_until` is when a queued job is sent again and when a running one counts as lost."""

    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=JobState.choices, default=JobState.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0)
    progress_note = models.CharField(max_length=200, blank=True, default="")
    payload = models.JSONField(default=dict)
    result = models.JSONField(null=True, blank=True)
    problem = models.JSONField(null=True, blank=True)
    requested_by_id = models.UUIDField(null=True, blank=True)
    subject_id = models.UUIDField(null=True, blank=True)
    request_id = models.UUIDField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "jobs"
        constraints = [
            models.CheckConstraint(condition=Q(progress__lte=100), name="jobs_progress_is_a_percentage"),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="jobs_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="failed", problem__isnull=False) | (~Q(state="failed") & Q(problem__isnull=True)),
                name="jobs_failed_has_a_problem",
            ),
        ]
        indexes = [
            models.Index(fields=["lease_until"], name="jobs_unfinished", condition=Q(state__in=["queued", "running"])),
            models.Index(fields=["requested_by_id", "-id"], name="jobs_by_person"),
            models.Index(fields=["subject_id", "kind", "-id"], name="jobs_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} ({self.state})"

    @property
    def is_finished(self) -> bool:
        """Return whether nothing more will happen to this job."""
        return self.state in (JobState.DONE, JobState.FAILED)
