"""What the forms of a flag's page do. What reaches more people of a guarded flag becomes a wish, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from accounts.models import Athlete, Tier, User
from accounts.scope import athletes_in_scope
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from rollout.dashboard.overrides import is_about_athletes, may_name
from rollout.models import Flag
from rollout.pages.acting import long_enough
from rollout.services import approvals, flags
from rollout.services.writing import fields_of
from rollout.widening import reaches_more

ASKED: Final = (
    "Nothing has changed yet: this reaches more people, so a second person must agree. It waits in Approvals."
)


def on_flag(form: Mapping[str, str], *, key: str, user: User) -> str:
    """Do what a form of a flag's page asks for, and return what was done.

    Raises:
        InvalidInput: an unknown command, a value that is none, or no reason.
        DomainError: as the service.
    """
    given: dict[str, Any] = {"key": key, "reason": form.get("reason", "").strip(), "acting_user": user}
    match form.get("do", ""):
        case "change":
            return _change(_changes(form), **given)
        case "off":
            flags.set_admin_override(value=False, **given)
            return "Off for everybody without an override of their own."
        case "follow":
            return _change({"admin_override": None}, **given)
        case "kill":
            flags.kill_flag(**{**given, "reason": long_enough(given["reason"])})
            return "Killed: off for everybody. An incident was opened."
        case "unkill":
            return _resume(**given)
        case "override":
            return _override(form, **given)
        case "end":
            flags.clear_user_override(subject_id=_uuid(form.get("subject", "")), **given)
            return "Ended: the flag answers for them as for everybody."
    raise InvalidInput("There is no such command.")


def _changes(form: Mapping[str, str]) -> dict[str, Any]:
    try:
        percentage = Decimal(form.get("percentage", "").strip())
        in_range = 0 <= percentage <= 100
    except ArithmeticError:
        raise InvalidInput("The percentage is no number.", pointer="/percentage") from None
    if not in_range:
        raise InvalidInput("The percentage lies between 0 and 100.", pointer="/percentage")
    whole = int(1000 * percentage)
    if whole != 1000 * percentage:
        raise InvalidInput("The percentage has at most three decimals.", pointer="/percentage")
    return {
        "description": form.get("description", "").strip(),
        "enabled": form.get("enabled") == "on",
        "requires_tier": _tier(form.get("requires_tier", "")),
        "rollout_thousandths": whole,
    }


def _tier(value: str) -> str:
    if value not in ("", *Tier.values):
        raise InvalidInput("There is no such tier.", pointer="/requires_tier")
    return value


def _change(wanted: Mapping[str, Any], *, key: str, reason: str, acting_user: User) -> str:
    """Save what differs, or ask for all of it where some of it reaches more people."""
    given: dict[str, Any] = {"key": key, "reason": reason, "acting_user": acting_user}
    with unit_of_work(acting_user):
        flag = _flag(key)
        before = fields_of(flag)
        changes = {name: value for name, value in wanted.items() if before[name] != value}
        if not changes:
            return "Nothing differs from what is saved."
        if flag.guarded and reaches_more(before, changes):
            approvals.ask_for_change(changes=changes, **given)
            return ASKED
        if "admin_override" in changes:
            flags.set_admin_override(value=changes["admin_override"], **given)
        else:
            flags.change_flag(changes=changes, **given)
        return "Saved."


def _resume(*, key: str, reason: str, acting_user: User) -> str:
    given: dict[str, Any] = {"key": key, "reason": reason, "acting_user": acting_user}
    with unit_of_work(acting_user):
        if _flag(key).guarded:
            approvals.ask_to_resume(**given)
            return ASKED
        flags.resume_flag(**given)
        return "Resumed: what was there before the kill holds again."


def _override(form: Mapping[str, str], *, key: str, reason: str, acting_user: User) -> str:
    """Answer for one person until a moment; a guarded flag is switched on for them by a second person."""
    if form.get("value") not in ("on", "off"):
        raise InvalidInput("Say whether it is on or off for them.", pointer="/value")
    value = form["value"] == "on"
    try:
        ends = datetime.fromisoformat(form.get("until", "")).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInput("The end is no time.", pointer="/until") from None
    with unit_of_work(acting_user):
        given: dict[str, Any] = {"key": key, "reason": reason, "acting_user": acting_user, "expires_at": ends}
        given["subject_id"] = _subject(key, form.get("subject", ""), acting_user)
        if value and _flag(key).guarded:
            approvals.ask_for_override(**given)
            return ASKED
        flags.set_user_override(value=value, **given)
        return f"{'On' if value else 'Off'} for them until {ends:%-d %b %H:%M} UTC."


def _subject(key: str, raw: str, user: User) -> UUID:
    """Return whom an override is about: somebody whom the person may look for."""
    subject = _uuid(raw)
    rows: Any = (
        Athlete.objects.filter(athletes_in_scope(user, "athlete:view")) if is_about_athletes(key) else User.objects
    )
    if not may_name(key, user) or not rows.filter(pk=subject).exists():
        raise InvalidInput("Look somebody up by name and choose them.", pointer="/subject")
    return subject


def _uuid(raw: str) -> UUID:
    try:
        return UUID(raw)
    except ValueError:
        raise InvalidInput("Look somebody up by name and choose them.", pointer="/subject") from None


def _flag(key: str) -> Flag:
    flag = Flag.objects.filter(name=key).first()
    if flag is None:
        raise NotVisible(f"There is no flag {key}.")
    return flag
