"""A staged rollout of one flag, each step it took, and what people approved."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from common.history import tracked
from common.models import BaseModel
from rollout.lifecycle import LIVE, State

STATES = [(state.value, state.value.replace("_", " ").capitalize()) for state in State]


class Rollout(BaseModel):
    """One run of a policy; the policy's text is kept, so that an approval covers exactly that.

    `version` counts the steps: whoever changes a run says which version they saw. A restart is a new run.
    """

    flag = models.ForeignKey("rollout.Flag", on_delete=models.PROTECT, related_name="rollouts")
    policy_name = models.CharField(max_length=60)
    policy_text = models.TextField()
    policy_sha256 = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=STATES, default=State.DRAFT.value)
    stage = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=300)
    requested_by_id = models.UUIDField(editable=False)
    starts_at = models.DateTimeField(help_text="The first stage begins at the first tick after this.")
    stage_entered_at = models.DateTimeField(null=True, blank=True)
    fresh_from = models.DateTimeField(null=True, blank=True, help_text="Since when the stage's time and evidence count")
    extensions = models.PositiveSmallIntegerField(default=0)
    last_tick = models.DateTimeField(null=True, blank=True)
    was_killed = models.BooleanField(default=False, help_text="At the last look.")
    waits_for = models.TextField(blank=True, help_text="Why it does not advance, in words.")
    verdicts_json = models.JSONField(default=list)
    before_json = models.JSONField(default=dict, help_text="The flag as it was before the first stage.")
    ended_at = models.DateTimeField(null=True, blank=True)
    cool_down_until = models.DateTimeField(null=True, blank=True)
    synthetic = models.BooleanField(default=False, help_text="Its outcomes are made up, for a demonstration.")

    history = tracked("rollouts_history", excluded_fields=["verdicts_json", "last_tick", "waits_for", "was_killed"])

    class Meta:
        db_table = "rollouts"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["flag"],
                condition=Q(state__in=sorted([*LIVE, State.DRAFT])),
                name="one_live_rollout_a_flag",
            ),
            models.CheckConstraint(condition=Q(state__in=[state.value for state in State]), name="rollout_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.policy_name} of {self.flag_id}: {self.state}"


class RolloutStep(BaseModel):
    """One step of a run, with the evidence it rested on; append-only. `number` is the version it made."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="steps")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    command = models.CharField(max_length=12)
    from_state = models.CharField(max_length=12)
    to_state = models.CharField(max_length=12)
    from_stage = models.PositiveSmallIntegerField()
    to_stage = models.PositiveSmallIntegerField()
    actor_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=60, help_text="The role of a person, or the service.")
    why = models.TextField()
    verdicts_json = models.JSONField(default=list)

    class Meta:
        db_table = "rollout_steps"
        ordering: ClassVar = ["rollout", "number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rollout", "number"], name="one_step_a_rollout_version")
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.command}"


class RolloutCheck(BaseModel):
    """Evidence for a gate that no counter answers: golden outputs, a load test, an A/B result; append-only."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="checks")
    stage = models.PositiveSmallIntegerField()
    gate = models.CharField(max_length=60)
    passed = models.BooleanField()
    evidence = models.TextField(help_text="What was looked at, and where it can be read.")
    recorded_by_id = models.UUIDField()

    class Meta:
        db_table = "rollout_checks"
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.gate}: {'passed' if self.passed else 'failed'}"


class ApprovalKind(models.TextChoices):
    START = "start", "Start of a rollout"
    ADVANCE = "advance", "Advance without conclusive evidence"
    RESUME = "resume", "Resume after a kill"
    CHANGE = "change", "Change of a flag that reaches more people"
    OVERRIDE = "override", "Flag switched on for one person"


class Approval(BaseModel):
    """A wish that reaches more people, and the second person's decision; it covers exactly what it names."""

    kind = models.CharField(max_length=10, choices=ApprovalKind)
    flag = models.ForeignKey("rollout.Flag", on_delete=models.PROTECT, related_name="approvals")
    rollout = models.ForeignKey(Rollout, null=True, blank=True, on_delete=models.PROTECT, related_name="approvals")
    wish_json = models.JSONField(default=dict)
    wish_sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=300)
    requested_by_id = models.UUIDField()
    expires_at = models.DateTimeField()
    decided_by_id = models.UUIDField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    approved = models.BooleanField(null=True, blank=True)
    comment = models.CharField(max_length=300, blank=True)

    history = tracked("rollout_approvals_history")

    class Meta:
        db_table = "rollout_approvals"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(decided_by_id=None) | Q(approved=False) | ~Q(decided_by_id=F("requested_by_id")),
                name="approved_by_a_second_person",
            ),
            models.UniqueConstraint(
                fields=["flag", "wish_sha256"], condition=Q(decided_at=None), name="one_open_approval_a_wish"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.requested_by_id}"
