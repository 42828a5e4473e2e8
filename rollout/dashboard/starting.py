"""What the forms need to know: which flags and policies there are, who took the last step, who asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext

from accounts.directory import user_names
from common.spans import span
from rollout.dashboard.run import RunNow
from rollout.dashboard.words import exactly, reach
from rollout.lifecycle import LIVE, State
from rollout.models import Flag, Rollout
from rollout.runs import known_policies
from rollout.whys import service_name, step_name


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody was faster: what they did, and the two versions."""

    saw: int
    now: int
    who: str
    what: str
    at: str


def newest_step(run: Rollout, saw: str) -> Conflict | None:
    """Return what was done since a version that a form saw; None where that is the present one."""
    if not saw.isdigit() or int(saw) >= run.version:
        return None
    step = run.steps.order_by("-number").first()
    if step is None:
        return None
    names = user_names([step.actor_id]) if step.actor_id else {}
    who = names.get(step.actor_id, service_name(step.actor)) if step.actor_id else step.actor
    return Conflict(int(saw), run.version, who, step_name(step.command), exactly(step.at))


def people_of(now: RunNow) -> dict[UUID, str]:
    """Return the names of who asked for this run and for what waits; one query."""
    return user_names({now.run.requested_by_id} | {wish.requested_by_id for wish in now.waiting})


def startable() -> dict[str, Any]:
    """Return the flags that a run may be asked for, and the policies with their stages.

    Raises:
        PolicyError: a policy of the installation's own folder cannot be read.
    """
    live = Rollout.objects.filter(flag=OuterRef("pk"), state__in=[*LIVE, State.DRAFT])
    rows: Any = Flag.objects.filter(~Exists(live)).order_by("name")
    flags = [(flag.name, flag.description) for flag in rows if flag.killed_at is None]
    policies = [
        {
            "name": policy.name,
            "title": gettext(policy.title),
            "description": gettext(policy.description) if policy.description else "",
            "stages": [
                gettext("%(share)s for %(time)s") % {"share": reach(stage), "time": span(stage.duration)}
                for stage in policy.stages
            ],
        }
        for policy in known_policies().values()
    ]
    return {"flags": flags, "policies": policies}
