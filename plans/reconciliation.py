"""Which events come with which rows of this app: every version and every decision has its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from audit.reconciliation import RECONCILIATIONS, Fact, Reconciliation, Row, id_at
from plans.events import AUDIT_ACTION
from plans.models import Decision, PlanReview, PlanVersion
from plans.workflow import Action

_VERSION_ACTIONS: Final = frozenset(
    {"plan.generate_state", *(AUDIT_ACTION[a] for a in (Action.SAVE, Action.REGENERATE, Action.MOVE_SESSION))}
)
_DECISION_OF: Final = {
    AUDIT_ACTION[Action.SUBMIT]: Decision.SUBMIT,
    AUDIT_ACTION[Action.ACCEPT]: Decision.ACCEPT,
    AUDIT_ACTION[Action.REQUEST_CHANGES]: Decision.REQUEST_CHANGES,
    AUDIT_ACTION[Action.WITHDRAW]: Decision.WITHDRAW,
}


def _versions(since: datetime, until: datetime) -> Iterator[Row]:
    rows = PlanVersion.objects.filter(pk__gte=id_at(since), pk__lt=id_at(until)).order_by("pk")
    columns = ("pk", "plan_id", "athlete_id", "version_number", "content_sha256")
    for pk, plan_id, athlete_id, number, sha256 in rows.values_list(*columns).iterator():
        yield Row(f"{pk}:{sha256}", plan_id, athlete_id, f"version {number} of plan {plan_id}")


def _version_key(fact: Fact) -> str:
    return f"{fact.metadata.get('version_id')}:{fact.metadata.get('content_sha256')}"


def _reviews(since: datetime, until: datetime) -> Iterator[Row]:
    rows = PlanReview.objects.filter(pk__gte=id_at(since), pk__lt=id_at(until)).order_by("pk")
    columns = ("pk", "plan_id", "athlete_id", "decision", "content_sha256")
    for pk, plan_id, athlete_id, decision, sha256 in rows.values_list(*columns).iterator():
        yield Row(f"{pk}:{decision}:{sha256}", plan_id, athlete_id, f"{decision} of plan {plan_id}")


def _review_key(fact: Fact) -> str:
    said = fact.metadata
    return f"{said.get('review_id')}:{_DECISION_OF[fact.action].value}:{said.get('content_sha256')}"


def register() -> None:
    """Tell the log what to reconcile."""
    for item in (
        Reconciliation("plan versions", _VERSION_ACTIONS, _versions, _version_key),
        Reconciliation("reviews", frozenset(_DECISION_OF), _reviews, _review_key),
    ):
        RECONCILIATIONS.register(item.name, item)
