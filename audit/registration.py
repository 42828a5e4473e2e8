"""What audit itself puts into registries: refusals are recorded wherever the API or a page refuses."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from audit.dropped import DROPPED
from audit.events import register as register_action
from audit.models import AuditEvent
from audit.services import DENIED, archive, record, record_denied, seal, verify  # noqa: F401  (register services)
from audit.services.drop import REMOVAL, drop_segments
from audit.services.export_events import EXPORT
from audit.services.reconcile import DISCREPANCY
from common.api import DENIAL_RECORDERS
from common.context import PUBLIC
from common.errors import NotPermitted
from common.partitioning.tables import may_partition
from common.retention import REMOVED, How, Rule, keeps


def register() -> None:
    """Register our own actions and the recorder of refused API requests."""
    register_action(DENIED, target_type="request", metadata=frozenset({"attempted", "target_type", "detail"}))
    register_action(DISCREPANCY, target_type="row", metadata=frozenset({"reconciliation", "side", "key", "what"}))
    register_action(EXPORT, target_type="audit_log", metadata=frozenset({"rows", "sha256", "what", "decrypted"}))
    register_action(REMOVAL, target_type="table", metadata=frozenset({"table", "rows", "keep_days", "segment"}))
    register_action(DROPPED, target_type="audit_log", metadata=frozenset({"ranges", "until"}), state=True)
    REMOVED.register("audit", record_removal)
    why = "seven years (F2); whole segments that the archive holds, so that the log still verifies"
    people = ("subject_id", "actor_id", "target_id")
    keeps(AuditEvent, "audit", "occurred_at", why, how=How.OWNER, people=people, in_parts=drop_segments)
    may_partition(AuditEvent._meta.db_table, "written once, removed by time; nothing refers to it")
    DENIAL_RECORDERS.register("audit", record_api_denial)


def record_removal(rule: Rule, rows: int) -> None:
    """Record that the time of rows was over, in the transaction that removed them."""
    metadata = {"table": rule.table, "rows": rows, "keep_days": rule.keep.days if rule.keep else 0}
    record(REMOVAL, target_id=None, metadata=metadata)


def record_api_denial(error: NotPermitted, request: Request | HttpRequest) -> None:
    """Record a refused request by its route: the address itself could hold a secret (a reset link's token)."""
    match = request.resolver_match
    route = match.route if match else ""
    user = request.user
    record_denied(
        f"{request.method} {route}",
        target_id=_first_id(dict(match.kwargs) if match else {}),
        detail=error.detail,
        acting_user=user if user and user.is_authenticated else PUBLIC,
    )


def _first_id(kwargs: dict[str, object]) -> UUID | None:
    for value in kwargs.values():
        try:
            return UUID(str(value))
        except ValueError:
            continue
    return None
