"""A live run on a virtual clock: real facts, the real tick, minute by minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.attribution import Attribution
from rollout.gates.evidence import Arm
from rollout.models import Rollout
from rollout.policy.load import parse_policy
from rollout.services.approvals import approve
from rollout.services.outcomes import record_answer
from rollout.services.rollouts import request_rollout
from rollout.services.tick import tick

START = datetime(2026, 3, 2, 9, tzinfo=UTC)

POLICY = """
name = "{name}"
title = "Short"
description = "For tests."
source = "a test"
cool_down = "2 h"
partial_to = "small"

[[stage]]
name = "team"
title = "The team"
percentage = 0
groups = ["team"]
duration = "30 min"

[[stage]]
name = "small"
title = "Ten percent"
percentage = 10
groups = ["team"]
duration = "1 h"
extend = "1 h"
extensions = 1

[[stage]]
name = "all"
title = "Everybody"
percentage = 100
duration = "1 h"

[[gate]]
name = "failures-in-a-row"
kind = "breaker"
purpose = "rollback"
metric = "error"
in_a_row = 5

[[gate]]
name = "unsafe"
kind = "breaker"
purpose = "kill"
metric = "unsafe"
in_a_row = 1

[[gate]]
name = "few-errors"
kind = "slo"
purpose = "advance"
metric = "error"
limit = 0.05
min_n = 50
stages = ["small", "all"]

[[gate]]
name = "looked-at"
title = "Somebody looked at it"
kind = "check"
purpose = "advance"
stages = ["small"]
"""


@dataclass
class Driver:
    """Moves the virtual clock in minutes, with some traffic in each."""

    run: Rollout
    now: datetime = START

    def minutes(self, count: int, *, new: int = 5, control: int = 5, failing: bool = False, **outcome: object) -> list:
        """Let minutes pass; each has so many answers in each arm, and ends with a tick."""
        ticked = []
        for _ in range(count):
            with clock.frozen(self.now), unit_of_work(COMMAND_LINE):
                self.refresh()
                for arm, many in ((Arm.NEW, new), (Arm.CONTROL, control)):
                    for _ in range(many):
                        self.answer(arm, failed=failing and arm is Arm.NEW, **(outcome if arm is Arm.NEW else {}))
            self.now += timedelta(minutes=1)
            ticked += self.tick()
        return ticked

    def windows(self, count: int, **traffic: int) -> None:
        """Let windows of the policy pass where minutes are not the matter: traffic and a tick in the first of each."""
        for _ in range(count):
            self.minutes(1, **traffic)
            self.now += parse_policy(self.run.policy_text, source_name="x").window - timedelta(minutes=1)

    def answer(self, arm: Arm, **outcome: object) -> None:
        """Record one answer of an arm at the present stage."""
        where = Attribution(str(self.run.pk), self.run.stage, arm)
        record_answer(attribution=where, athlete_id=uuid7(), source_id=uuid7(), latency_ms=120.0, **outcome)

    def tick(self) -> list:
        """Let the scheduler look now."""
        with clock.frozen(self.now):
            found = tick(at=self.now)
        self.refresh()
        return found

    def refresh(self) -> None:
        """Read the run again."""
        self.run.refresh_from_db()

    @property
    def stage(self) -> str:
        return parse_policy(self.run.policy_text, source_name="x").stages[self.run.stage].name


def begun(key: str, *, policy: str, by, approver, now: datetime = START) -> Driver:
    """Return a run that was asked for, approved and started."""
    with clock.frozen(now):
        wish = request_rollout(key=key, policy_name=policy, reason="try it", acting_user=by)
        approve(approval_id=wish.pk, acting_user=approver)
    driver = Driver(Rollout.objects.get(pk=wish.rollout_id), now)
    driver.tick()
    return driver
