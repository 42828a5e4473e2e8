"""What a verb prints after a change: the rows as they are now and who was seen with them, not what was asked for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from accounts.matrix import MATRIX
from accounts.models import User
from common.context import unit_of_work
from common.database_time import database_now
from common.management.base import MesocycleCommand
from rollout.commands.standing import flag_row, flag_words, moment_text, next_words, run_row, see
from rollout.commands.verb import ASKED, Row, flag_named
from rollout.models import Approval, Rollout
from rollout.runs import policy_of


def approvers(wish: Approval, acting_user: Any) -> list[str]:
    """Return the e-mail addresses of who may approve a wish: whose role may, and who did not ask."""
    roles = sorted(MATRIX["rollout:approve"])
    with unit_of_work(acting_user, read_only=True):
        people = User.objects.filter(role__in=roles, is_active=True).exclude(pk=wish.requested_by_id)
        return list(people.order_by("email").values_list("email", flat=True))


def wish_row(wish: Approval, may_approve: list[str]) -> Row:
    """Return a wish as scripts read it."""
    return {
        "id": wish.pk,
        "kind": wish.kind,
        "flag": wish.flag.name,
        "rollout": wish.rollout_id,
        "wish": wish.wish_json,
        "reason": wish.reason,
        "requested_by": wish.requested_by_id,
        "expires_at": wish.expires_at,
        "approved": wish.approved,
        "may_approve": may_approve,
    }


def tell_asked(command: MesocycleCommand, wish: Approval, acting_user: Any) -> int:
    """Print a wish and what has to happen next; return the exit code for it."""
    may = approvers(wish, acting_user)
    if command.as_json:
        command.emit({"asked": wish_row(wish, may), "flag": flag_row(flag_named(wish.flag.name))})
        return ASKED
    command.stdout.write(f"Asked: {wish.get_kind_display().lower()} of {wish.flag.name}, wish {wish.pk}.")
    if wish.wish_json.get("open"):
        command.stdout.write(f"Still open: {wish.wish_json['open']}")
    command.stdout.write(f"Nothing reaches more people until a second person agrees ({_names(may)}):")
    command.stdout.write(f"  manage.py rollout approve {wish.pk} --as {may[0] if may else 'USER'}")
    command.stdout.write(f"It is void after {moment_text(wish.expires_at)}.")
    return ASKED


def tell_changed(
    command: MesocycleCommand, key: str, *, run_id: Any = None, wait: float = 0.0, **more: Any
) -> dict[str, Any]:
    """Read flag and run back, wait for the processes, print both; `more` is said beside them. Returns the document."""
    seen = see(wait)
    flag = flag_named(key)
    run = Rollout.objects.select_related("flag").filter(pk=run_id).first() if run_id else None
    now = database_now()
    document = {
        "flag": flag_row(flag),
        "run": run_row(run, now) if run else None,
        "observed": asdict(seen),
        **more,
    }
    if command.as_json:
        command.emit(document)
        return document
    command.stdout.write(flag_words(flag))
    if run is not None:
        policy = policy_of(run)
        where = f"stage {run.stage + 1} of {len(policy.stages)} ({policy.stages[run.stage].title})"
        command.stdout.write(f"run {run.pk}: {run.state.replace('_', ' ')}, {where}, step {run.version}")
        command.stdout.write(f"next: {next_words(run, policy, now)}")
    command.stdout.write(f"observed: {seen.words}")
    return document


def _names(people: list[str]) -> str:
    if not people:
        return "nobody else has the right to: an administrator has to be added"
    shown = ", ".join(people[:5])
    return shown + (f" and {len(people) - 5} more" if len(people) > 5 else "")
