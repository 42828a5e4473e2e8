"""Which events come with which rows of this app: whoever got a role, got it by an event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import OuterRef, Subquery

from accounts.models import User
from audit.reconciliation import RECONCILIATIONS, Fact, Reconciliation, Row


def _roles(since: datetime, until: datetime) -> Iterator[Row]:
    """Yield the rows of history that begin an account or change its role, also where somebody did so past us."""
    history = User.history.model.objects
    before = history.filter(id=OuterRef("id"), history_date__lt=OuterRef("history_date")).order_by("-history_date")
    rows = history.filter(history_date__gte=since, history_date__lt=until).annotate(
        was=Subquery(before.values("role")[:1])
    )
    columns = ("id", "role", "was", "token_version")
    for user_id, role, was, token_version in rows.order_by("history_date").values_list(*columns).iterator():
        if was is None:
            yield Row(f"{user_id}:{role}:add", user_id, None, f"user {user_id} was made {role}")
        elif was != role:
            yield Row(f"{user_id}:{role}:{token_version}", user_id, None, f"user {user_id} became {role}, was {was}")


def _role_key(fact: Fact) -> str:
    which = "add" if fact.action == "user.add" else fact.metadata.get("token_version")
    return f"{fact.target_id}:{fact.metadata.get('role')}:{which}"


def register() -> None:
    """Tell the log what to reconcile."""
    item = Reconciliation("roles", frozenset({"user.add", "user.role_state"}), _roles, _role_key)
    RECONCILIATIONS.register(item.name, item)
