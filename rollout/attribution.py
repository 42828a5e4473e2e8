"""Which arm of which run an answer counts for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rollout.evaluation import Decision
from rollout.gates.evidence import Arm


@dataclass(frozen=True, slots=True)
class Attribution:
    """Decided with the request, kept with it: the stage may have moved on when the answer comes."""

    rollout_id: str
    stage: int
    arm: Arm
    invited: bool = False  # by an allowlist, not by chance

    def as_json(self) -> dict[str, Any]:
        return {"rollout_id": self.rollout_id, "stage": self.stage, "arm": str(self.arm), "invited": self.invited}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Attribution | None:
        """Read what `as_json` wrote; None of an empty one."""
        if not found:
            return None
        return cls(str(found["rollout_id"]), int(found["stage"]), Arm(found["arm"]), bool(found.get("invited")))


def attributed(decision: Decision) -> Attribution | None:
    """Return the arm of a decision, None where chance (or an allowlist) did not decide.

    Whom a tier, an override or a kill decides is in neither arm: the control is who was eligible and left out by the
    percentage alone.
    """
    if not decision.rollout_id:
        return None
    if decision.value and decision.reason in ("percentage", "everyone", "allowlist"):
        invited = decision.reason == "allowlist"
        return Attribution(decision.rollout_id, decision.stage, Arm.NEW, invited)
    if not decision.value and decision.reason == "percentage":
        return Attribution(decision.rollout_id, decision.stage, Arm.CONTROL)
    return None
