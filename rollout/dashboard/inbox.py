"""Wishes that wait for a second person, and exactly what each covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext, pgettext

from accounts.directory import user_names
from accounts.matrix import MATRIX
from accounts.models import User
from common import clock
from common.spans import span
from common.translating.showing import shown
from rollout.dashboard.gates import GateTable, gate_table, read_verdicts
from rollout.dashboard.overrides import athletes_by_name, is_about_athletes
from rollout.dashboard.run import parsed
from rollout.dashboard.words import Pill, moment, percent, reach, tiers
from rollout.models import Approval, ApprovalKind, Flag
from rollout.policy.model import Policy
from rollout.whys import told

SHOWN: Final = 25
DECIDED: Final = 10
WORDS: Final = {
    "rollout_thousandths": "Percentage",
    "requires_tier": "Tier",
    "enabled": "Enabled",
    "admin_override": "Override for everybody",
    "description": "Description",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """One wish: what happens on approval, line by line; `own` where the viewer asked for it."""

    approval: Approval
    title: str
    asked_by: str
    asked: str
    ends: str
    flag_id: UUID
    covers: tuple[tuple[str, str], ...]
    stages: tuple[tuple[str, str, str], ...]
    gates: GateTable | None
    own: bool


@dataclass(frozen=True, slots=True)
class Decided:
    approval: Approval
    pill: Pill
    what: str
    people: str
    at: str
    comment: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """Open wishes, the oldest first; the viewer may decide `for_viewer` of them, `others` the rest."""

    wishes: tuple[Wish, ...]
    decided: tuple[Decided, ...]
    others: tuple[str, ...]

    @property
    def for_viewer(self) -> int:
        return sum(not wish.own for wish in self.wishes)


def inbox(user: User) -> Inbox:
    """Return what waits; six queries for any number."""
    now = clock.now()
    rows = Approval.objects.select_related("flag", "rollout")
    waiting = list(rows.filter(decided_at=None, expires_at__gt=now).order_by("id")[:SHOWN])
    past = list(rows.exclude(decided_at=None).order_by("-decided_at")[:DECIDED])
    people = {row.requested_by_id for row in (*waiting, *past)} | {
        row.decided_by_id for row in past if row.decided_by_id
    }
    names = user_names(people)
    people_named = _subjects(waiting, user)
    return Inbox(
        wishes=tuple(_wish(row, user, names, people_named, now) for row in waiting),
        decided=tuple(_decided(row, names) for row in past),
        others=others_who_approve(user),
    )


def others_who_approve(user: User) -> tuple[str, ...]:
    """Return up to five other people who may approve."""
    roles = list(MATRIX["rollout:approve"])
    found = User.objects.filter(role__in=roles, is_active=True).exclude(pk=user.pk).order_by("name", "email")[:5]
    return tuple(person.name or person.email for person in found)


def _subjects(rows: Sequence[Approval], user: User) -> dict[UUID, str]:
    """Return the names of those whom overrides are asked for, where the viewer may see them; two queries."""
    asked = [(row.flag.name, UUID(row.wish_json["subject_id"])) for row in rows if row.kind == ApprovalKind.OVERRIDE]
    athletes = {subject for key, subject in asked if is_about_athletes(key)}
    return athletes_by_name(athletes, user) | user_names({subject for _, subject in asked} - athletes)


def _wish(row: Approval, user: User, names: Mapping[UUID, str], subjects: Mapping[UUID, str], now: datetime) -> Wish:
    run = row.rollout
    policy = parsed(run.policy_text, run.policy_name) if run else None
    verdicts = read_verdicts(row.wish_json.get("verdicts", []))
    is_start = row.kind == ApprovalKind.START
    return Wish(
        approval=row,
        title=str(row.get_kind_display()),
        asked_by=names.get(row.requested_by_id) or gettext("Somebody"),
        asked=gettext("%(when)s, %(time)s ago") % {"when": moment(row.created_at), "time": span(now - row.created_at)},
        ends=gettext("%(when)s, in %(time)s") % {"when": moment(row.expires_at), "time": span(row.expires_at - now)},
        flag_id=row.flag_id,
        covers=_covers(row, policy, subjects),
        stages=tuple((gettext(s.title), reach(s), span(s.duration)) for s in policy.stages)
        if policy and is_start
        else (),
        gates=gate_table(policy, policy.stages[run.stage], verdicts) if policy and run and verdicts else None,
        own=row.requested_by_id == user.pk,
    )


def _covers(row: Approval, policy: Policy | None, subjects: Mapping[UUID, str]) -> tuple[tuple[str, str], ...]:
    """Return in words what becomes true on approval; whatever has no words is shown as it is."""
    wish: dict[str, Any] = row.wish_json
    match ApprovalKind(row.kind):
        case ApprovalKind.START:
            what = _whole(policy) if policy else wish.get("policy", "")
            starts = datetime.fromisoformat(wish["starts_at"]) if wish.get("starts_at") else None
            digest = wish.get("policy_sha256", "")[:16]
            return ((gettext("Covers"), what), (gettext("Starts"), moment(starts)), (gettext("Policy text"), digest))
        case ApprovalKind.ADVANCE:
            to = wish.get("to") or gettext("complete")
            still = (gettext("Still open"), told(wish.get("open", "")))
            return ((pgettext("stage", "From"), wish.get("from", "")), (pgettext("stage", "To"), to), still)
        case ApprovalKind.RESUME:
            what = gettext("%(flag)s is no longer killed; what was there before holds again") % {"flag": row.flag.name}
            return ((gettext("Covers"), what),)
        case ApprovalKind.OVERRIDE:
            return _override(wish, subjects)
    if "group" in wish:
        return ((gettext("Group"), wish["group"]), (gettext("Members"), str(len(wish.get("members", [])))))
    pairs = _pairs(wish.get("changes", wish))
    return tuple(
        (shown(WORDS.get(name, name)), f"{_now(row.flag, name)} → {_value(name, value)}") for name, value in pairs
    )


def _stages(policy: Policy) -> tuple[tuple[str, str, str], ...]:
    return tuple((gettext(stage.title), reach(stage), span(stage.duration)) for stage in policy.stages)


def _whole(policy: Policy) -> str:
    words = gettext("all %(n)s stages of %(policy)s")
    return words % {"n": len(policy.stages), "policy": gettext(policy.title)}


def _override(wish: Mapping[str, Any], subjects: Mapping[UUID, str]) -> tuple[tuple[str, str], ...]:
    unseen = gettext("somebody whom you may not see (%(id)s)") % {"id": wish["subject_id"][-6:]}
    who = subjects.get(UUID(wish["subject_id"])) or unseen
    ends = moment(datetime.fromisoformat(wish["expires_at"]))
    return ((gettext("Covers"), gettext("on for %(who)s") % {"who": who}), (gettext("Ends"), f"{ends} UTC"))


def _now(flag: Flag, name: str) -> str:
    """Return what a field is before the wish, as it is now."""
    return _value(name, getattr(flag, name)) if hasattr(flag, name) else "?"


def _pairs(wish: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    return sorted(wish.items())


def _value(name: str, value: Any) -> str:
    if name == "rollout_thousandths":
        return percent(int(value))
    if isinstance(value, bool):
        return pgettext("flag", "on") if value else pgettext("flag", "off")
    if name == "requires_tier":
        return dict(tiers()).get(value, value) if value else gettext("every tier")
    if value is None:
        return gettext("follows percentage, tier and groups")
    return str(value) or pgettext("value", "none")


def _decided(row: Approval, names: Mapping[UUID, str]) -> Decided:
    pill = Pill("check_circle", "Approved", "good") if row.approved else Pill("cancel", "Refused", "bad")
    who = (row.decided_by_id and names.get(row.decided_by_id)) or gettext("nobody in time")
    people = f"{names.get(row.requested_by_id) or gettext('Somebody')} → {who}"
    comment = row.comment if row.decided_by_id else told(row.comment)
    return Decided(row, pill, str(row.get_kind_display()), people, moment(row.decided_at), comment)
