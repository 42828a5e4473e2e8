"""What awaits a coach: the pending plans, longest waiting first, with what changed since they last looked (A1)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Subquery

from accounts.preferences import today_of
from common import clock
from plans.models import Plan, PlanLook, PlanVersion
from plans.policies import Actor, plans_for
from plans.schedule import WeekAdherence, adherence_of
from plans.workflow import PENDING

MOST: Final = 200
LONG_WAIT: Final = timedelta(hours=48)
RACE_SOON: Final = timedelta(weeks=6)
ADHERENCE_WEEKS: Final = 4


@dataclass(frozen=True)
class Pending:
    """One plan that awaits review; `since_look` counts sessions added, removed and replaced since the last look.

    `adherence`: the athlete's last weeks, oldest first, the present one up to yesterday.
    """

    plan: Plan
    waiting: timedelta
    weeks_to_go: int
    grade: str
    guards: int
    since_look: dict[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    is_new: bool = False
    adherence: tuple[WeekAdherence, ...] = ()

    @property
    def tags(self) -> list[str]:
        """Return the filters that the row passes."""
        found = {
            "waiting": self.waiting >= LONG_WAIT,
            "guards": self.guards > 0,
            "soon": self.plan.race_date - today_of(self.plan.athlete) <= RACE_SOON,
            "changed": self.is_new or any(self.since_look.values()),
            "uncertain": self.grade != "calibrated",
        }
        return [name for name, holds in found.items() if holds]


def pending_plans(user: Actor, *, limit: int = MOST) -> list[Pending]:
    """Return up to `limit` pending plans in the user's scope (three queries for any number).

    Which they are is a query within: joined first with what they show, all that are pending would be, to sort out most.
    """
    look = PlanLook.objects.filter(user_id=_id(user), plan=OuterRef("pk")).values("version_number")
    waiting = plans_for(user).filter(status__in=sorted(PENDING)).order_by("state_since", "id")
    rows = plans_for(user).filter(pk__in=waiting.values("pk")[:limit]).annotate(looked=Subquery(look[:1]))
    plans: list[Any] = list(rows.order_by("state_since", "id"))
    news = _since({plan.pk: plan.looked or 0 for plan in plans})
    weeks = adherence_of({plan.athlete_id: today_of(plan.athlete) for plan in plans}, weeks=ADHERENCE_WEEKS)
    return [_row(plan, plan.looked, news[plan.pk], weeks[plan.athlete_id]) for plan in plans]


def pending_count(user: Actor) -> int:
    """Return how many plans await review, for the badge; counting stops at `MOST`."""
    return plans_for(user).filter(status__in=sorted(PENDING)).order_by()[:MOST].count()


def mark_looked(*, plan: Plan, user_id: UUID, version_number: int, at: datetime) -> None:
    """Note up to which version somebody has looked; looking at an older one does not turn it back."""
    look, is_new = PlanLook.objects.get_or_create(
        plan=plan,
        user_id=user_id,
        defaults={"athlete_id": plan.athlete_id, "version_number": version_number, "looked_at": at},
    )
    if not is_new and look.version_number < version_number:
        look.version_number, look.looked_at = version_number, at
        look.save(update_fields=["version_number", "looked_at"])


def _since(looks: dict[UUID, int]) -> dict[UUID, list[dict[str, Any]]]:
    """Return the diff summaries of the versions after each look, oldest first; of all versions where there was none."""
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    rows = PlanVersion.objects.filter(plan__in=looks.keys()).exclude(parent_version=None).order_by("version_number")
    for plan_id, number, summary in rows.values_list("plan_id", "version_number", "diff_summary_json"):
        if number > looks[plan_id]:
            found[plan_id].append(summary)
    return found


def _row(plan: Plan, looked: int | None, summaries: list[dict[str, Any]], weeks: list[WeekAdherence]) -> Pending:
    head = plan.head_version
    assert head is not None
    counts: dict[str, int] = defaultdict(int)
    reasons: dict[str, None] = {}
    for summary in summaries:
        for name in ("added", "removed", "replaced"):
            counts[name] += summary.get("sessions", {}).get(name, 0)
        reasons |= dict.fromkeys(summary.get("reasons", {}))
    return Pending(
        plan=plan,
        waiting=clock.now() - plan.state_since,
        weeks_to_go=max((plan.race_date - today_of(plan.athlete)).days, 0) // 7,
        grade=str(head.provenance_json.get("grade", "population")),
        guards=len(head.relaxed_json),
        since_look=dict(counts),
        reasons=tuple(reasons),
        is_new=looked is None,
        adherence=tuple(weeks),
    )


def _id(user: Any) -> Any:
    return getattr(user, "pk", None)
