"""One flag as an operator needs it: what it answers now, what moves it, and for whom it answers otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext, pgettext

from accounts.directory import user_names
from common import clock
from rollout.dashboard.inbox import others_who_approve
from rollout.dashboard.overrides import OverrideRow, is_about_athletes, may_name, overrides_of, subjects_named
from rollout.dashboard.processes import processes_now
from rollout.dashboard.run import Fact, parsed, processes_fact
from rollout.dashboard.words import KILLED, OFF, ON, STATES, Pill, exactly, moment, percent, tiers
from rollout.lifecycle import State
from rollout.models import Approval, Flag, Rollout

SHOWN: Final = 50
OPEN_WISHES: Final = 5
AS_A_RULE: Final = timedelta(days=14)
"""How long an override lasts where nobody says otherwise: each must end."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wish about the flag that a second person has not answered yet."""

    what: str
    reason: str
    asked_by: str
    asked: str
    own: bool


@dataclass(frozen=True, slots=True)
class Found:
    """People found by name for an override; `asked` is what was looked for."""

    asked: str
    may: bool
    people: tuple[tuple[UUID, str], ...]


@dataclass(frozen=True, slots=True)
class FlagPage:
    """One flag; `run` is the run that moves it now, or that moved it last."""

    flag: Flag
    pills: tuple[Pill, ...]
    facts: tuple[Fact, ...]
    run: Rollout | None
    is_moved: bool
    killed: str
    waiting: tuple[Waiting, ...]
    others: tuple[str, ...]
    overrides: tuple[OverrideRow, ...]
    overrides_in_all: int
    one_of: str
    found: Found
    percentage: str
    tiers: tuple[tuple[str, str], ...]
    earliest: str
    until: str


def flag_page(flag: Flag, user: Any, *, words: str = "") -> FlagPage:
    """Return one flag with the people whose name holds `words`; nine queries at most, whatever its overrides."""
    now = clock.now()
    run = _run(flag)
    overrides, in_all = overrides_of(flag, user, now, shown=SHOWN)
    waiting = _waiting(flag, user, now)
    return FlagPage(
        flag=flag,
        pills=pills_of(flag),
        facts=_facts(flag, run, in_all, now),
        run=run,
        is_moved=_is_moved(flag, run),
        killed=exactly(flag.killed_at) if flag.killed_at else "",
        waiting=waiting,
        others=others_who_approve(user) if waiting or flag.guarded else (),
        overrides=overrides,
        overrides_in_all=in_all,
        one_of=gettext("An override for one athlete")
        if is_about_athletes(flag.name)
        else gettext("An override for one person"),
        found=Found(words.strip(), may_name(flag.name, user), tuple(subjects_named(flag.name, words, user))),
        percentage=f"{flag.rollout_thousandths / 1000:g}",
        tiers=tiers(),
        earliest=f"{now:%Y-%m-%dT%H:%M}",
        until=f"{now + AS_A_RULE:%Y-%m-%dT%H:%M}",
    )


def _run(flag: Flag) -> Rollout | None:
    if flag.rollout_id:
        return Rollout.objects.filter(pk=flag.rollout_id).first()
    return Rollout.objects.filter(flag=flag).order_by("-id").first()


def _is_moved(flag: Flag, run: Rollout | None) -> bool:
    return run is not None and run.pk == flag.rollout_id


def pills_of(flag: Flag) -> tuple[Pill, ...]:
    """Return what a flag is, the strongest word first."""
    found = []
    if flag.killed_at is not None:
        found.append(KILLED)
    if flag.admin_override is not None:
        word = "On for everybody" if flag.admin_override else "Off for everybody"
        found.append(Pill("toggle_on" if flag.admin_override else "toggle_off", word, "wait"))
    if not found:
        found.append(ON if flag.enabled and flag.rollout_thousandths else OFF)
    if flag.guarded:
        found.append(Pill("shield_person", "Guarded", "none"))
    return tuple(found)


def _facts(flag: Flag, run: Rollout | None, overrides: int, now: datetime) -> tuple[Fact, ...]:
    processes = processes_now(now)
    return (
        _answer(flag),
        Fact(gettext("Percentage"), percent(flag.rollout_thousandths), _tier(flag.requires_tier)),
        _stage(flag, run),
        Fact(
            pgettext("flag", "Overrides"),
            str(overrides) if overrides else pgettext("overrides", "none"),
            gettext("each ends by itself") if overrides else "",
        ),
        processes_fact(processes),
    )


def _tier(value: str) -> str:
    return dict(tiers())[value] if value else gettext("every tier")


def _answer(flag: Flag) -> Fact:
    """Say what decides, in the order in which the decision is made."""
    if flag.killed_at is not None:
        return Fact(pgettext("flag", "Answers"), gettext("off for everybody"), gettext("killed"), "bad")
    if flag.admin_override is not None:
        value = gettext("on for everybody") if flag.admin_override else gettext("off for everybody")
        return Fact(pgettext("flag", "Answers"), value, gettext("set by hand"), "wait")
    if not flag.enabled:
        return Fact(pgettext("flag", "Answers"), gettext("off for everybody"), gettext("not enabled"))
    return Fact(pgettext("flag", "Answers"), gettext("by percentage"), gettext("and by tier and group"))


def _stage(flag: Flag, run: Rollout | None) -> Fact:
    if run is None:
        return Fact(gettext("Moved by"), gettext("hand"), gettext("no rollout so far"))
    state = STATES[State(run.state)].small
    if not _is_moved(flag, run):
        return Fact(gettext("Moved by"), gettext("hand"), gettext("the last rollout: %(state)s") % {"state": state})
    stages = parsed(run.policy_text, run.policy_name).stages
    stage = gettext("stage %(number)s of %(stages)s") % {"number": flag.rollout_stage + 1, "stages": len(stages)}
    return Fact(gettext("Moved by"), stage, f"{run.policy_name}, {state}")


def _waiting(flag: Flag, user: Any, now: datetime) -> tuple[Waiting, ...]:
    rows = list(Approval.objects.filter(flag=flag, decided_at=None, expires_at__gt=now).order_by("id")[:OPEN_WISHES])
    names = user_names({row.requested_by_id for row in rows})
    return tuple(
        Waiting(
            row.get_kind_display(),
            row.reason,
            names.get(row.requested_by_id) or gettext("Somebody"),
            moment(row.created_at),
            row.requested_by_id == user.pk,
        )
        for row in rows
    )
