"""What a coach must say why: safety guards that edits break against what the machine proposed."""

from __future__ import annotations

from collections.abc import Iterable

from plans.document import Content, Operation, field_changes
from plans.models import Plan, PlanVersion
from plans.selectors import baseline_of, content_of
from plans.services.what_if import what_if_of
from plans.whatif import BrokenGuard


def broken_since_baseline(plan: Plan, head: PlanVersion, after: Content) -> list[BrokenGuard]:
    """Return the safety guards that `after` breaks and the machine's version of the plan did not, or by less."""
    before = content_of(baseline_of(head))
    found = what_if_of(plan, head, before, after)
    return [guard for guard in found.guards if guard.safety and guard.new] if found else []


def every_edit_has_a_reason(head: PlanVersion, after: Content, operations: Iterable[Operation] = ()) -> bool:
    """Return whether each session that differs from the machine's version was given a reason by whoever edited it.

    `operations`: unsaved ones that lead from the head to `after`; a reason on one counts as on a saved edit.
    """
    reasoned = {operation.session_id for operation in operations if operation.reason}
    before = content_of(baseline_of(head))
    differing = {change.session_id for change in field_changes(before, after)}
    version: PlanVersion | None = head
    while not differing <= reasoned and version is not None and version.pk != head.baseline_version_id:
        reasoned |= {str(pk) for pk in version.changes.exclude(reason="").values_list("session_id", flat=True)}
        version = version.parent_version
    return differing <= reasoned
