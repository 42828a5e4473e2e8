"""The state of one run as an operator needs it: what is asked again every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.utils.translation import gettext, ngettext, pgettext

from common import clock
from common.spans import span
from common.translating.showing import shown
from rollout.dashboard.checks import checks_of
from rollout.dashboard.gates import GateTable, gate_table, read_verdicts, title_of
from rollout.dashboard.processes import Processes, processes_now
from rollout.dashboard.traffic import Counted, counted_since, days_needed
from rollout.dashboard.words import KILLED, STATES, Pill, count, moment, part_of, parts, percent, reach, share, shortly
from rollout.engine import TELLING, end_of
from rollout.gates.evidence import Arm, Outcome, Verdict
from rollout.lifecycle import EXPOSING, State
from rollout.models import Approval, Rollout
from rollout.policy.load import parse_policy
from rollout.policy.model import Policy, Stage
from rollout.runs import view_of
from rollout.whys import told


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage of the ladder; `place` is done, current, next or ahead; `done` in per cent of its time."""

    number: int
    reach: str
    note: str
    title: str
    place: str
    done: int = 0


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class RunNow:
    """One run as it stands; `blocked` says why an advance cannot be asked for, "" where it can."""

    run: Rollout
    policy: Policy
    stage: Stage
    at: datetime
    pills: tuple[Pill, ...]
    rungs: tuple[Rung, ...]
    facts: tuple[Fact, ...]
    gates: GateTable
    processes: Processes
    reasons: tuple[Reason, ...]
    blocked: str
    stale: str
    waiting: tuple[Approval, ...]

    @property
    def policy_title(self) -> str:
        return gettext(self.policy.title)

    @property
    def stage_title(self) -> str:
        return gettext(self.stage.title)

    @property
    def is_live(self) -> bool:
        return State(self.run.state) in EXPOSING

    @property
    def is_killed(self) -> bool:
        return self.run.flag.killed_at is not None


@lru_cache(maxsize=64)
def parsed(text: str, name: str) -> Policy:
    """Return a policy that was parsed before, as a run keeps it.

    Raises:
        PolicyError: a text that no release of ours has accepted.
    """
    return parse_policy(text, source_name=name)


def run_now(run: Rollout) -> RunNow:
    """Return a run, whose flag is loaded, as it stands; eight queries at most, whatever its length."""
    now = clock.now()
    policy = parsed(run.policy_text, run.policy_name)
    stage = policy.stages[run.stage]
    verdicts = read_verdicts(run.verdicts_json)
    since = run.fresh_from or run.starts_at
    elapsed = max(now - since, timedelta())
    recent_since = max(since, now - timedelta(days=1))
    total, recent = counted_since(run, since), counted_since(run, recent_since)
    gates = gate_table(policy, stage, verdicts, checks=checks_of(run, policy, stage))
    processes = processes_now(now)
    waiting = tuple(Approval.objects.filter(flag=run.flag_id, decided_at=None, expires_at__gt=now)[:5])
    needed = days_needed(policy, stage, verdicts, recent, now - recent_since)
    stale = _stale(run, policy, total, now)
    return RunNow(
        run=run,
        policy=policy,
        stage=stage,
        at=now,
        pills=_pills(run),
        rungs=_ladder(run, policy, elapsed),
        facts=_facts(run, policy, total, verdicts, processes, gates, now),
        gates=gates,
        processes=processes,
        reasons=_reasons(run, policy, verdicts, needed, now),
        blocked=_blocked(run, policy, gates, now),
        stale=stale,
        waiting=waiting,
    )


def _pills(run: Rollout) -> tuple[Pill, ...]:
    found = [STATES[State(run.state)]]
    if run.flag.killed_at is not None:
        found.insert(0, KILLED)
    if run.synthetic:
        found.append(Pill("science", "Synthetic", "wait"))
    return tuple(found)


def _ladder(run: Rollout, policy: Policy, elapsed: timedelta) -> tuple[Rung, ...]:
    has_begun = State(run.state) not in (State.DRAFT, State.SCHEDULED)
    current = run.stage if has_begun and run.state != State.COMPLETED else -1 if not has_begun else len(policy.stages)
    found = []
    for index, stage in enumerate(policy.stages):
        place = "done" if index < current else "current" if index == current else "ahead"
        if index == current + 1:
            place = "next"
        whole = stage.duration + (run.extensions * stage.extend if index == current else timedelta())
        note, done = span(whole), 0
        if place == "current":
            done = min(100, round(100 * (elapsed / whole))) if whole else 100
            note = part_of(min(elapsed, whole), whole) if State(run.state) in EXPOSING else span(whole)
        found.append(Rung(index + 1, reach(stage), note, gettext(stage.title), place, done))
    return tuple(found)


def _facts(
    run: Rollout,
    policy: Policy,
    total: Counted,
    verdicts: Sequence[Verdict],
    processes: Processes,
    gates: GateTable,
    now: datetime,
) -> tuple[Fact, ...]:
    stage, view = policy.stages[run.stage], view_of(run)
    end = end_of(stage, view)
    new, control = total.of(Arm.NEW, "subjects"), total.of(Arm.CONTROL, "subjects")
    mismatch = next((v.why for v in verdicts if v.why.startswith("sample ratio")), "")
    is_live = State(run.state) in EXPOSING
    seen = gettext("%(n)s of %(whole)s athletes seen") % {"n": count(new), "whole": count(new + control)}
    return (
        Fact(
            gettext("Stage %(number)s of %(stages)s") % {"number": run.stage + 1, "stages": len(policy.stages)},
            part_of(now - view.fresh_from, end - view.fresh_from) if is_live else STATES[State(run.state)].word,
            _ends(run, stage, end) if is_live else gettext("since %(when)s") % {"when": moment(_since(run))},
        ),
        Fact(
            gettext("Share, wanted / observed"),
            f"{percent(run.flag.rollout_thousandths)} / {share(total.share) if stage.has_control else '–'}",
            seen if stage.has_traffic else gettext("nobody at this stage"),
        ),
        processes_fact(processes),
        Fact(
            gettext("Sample ratio"),
            f"{count(new)} : {count(control)}" if stage.has_control else "–",
            _ratio(stage, is_off=bool(mismatch)),
            "bad" if mismatch else "good" if stage.has_control and new else "",
        ),
        _next_decision(run, gates, end, now),
    )


def _ends(run: Rollout, stage: Stage, end: datetime) -> str:
    found = {"when": moment(end), "n": run.extensions, "most": stage.extensions}
    words = gettext("ends %(when)s, extended %(n)s of %(most)s") if run.extensions else gettext("ends %(when)s")
    return words % found


def _ratio(stage: Stage, *, is_off: bool) -> str:
    if not stage.has_control:
        return gettext("no control here")
    return gettext("mismatch: verdicts are void") if is_off else gettext("as it should be")


def processes_fact(processes: Processes) -> Fact:
    """Say how many processes decide by what is wanted."""
    lag = processes.total - processes.current
    return Fact(
        gettext("Processes as wanted"),
        parts(processes.current, processes.total),
        _lag(lag, processes.total),
        "wait" if lag or not processes.total else "",
    )


def _lag(behind: int, total: int) -> str:
    if behind:
        return gettext("%(n)s not yet") % {"n": behind}
    return gettext("all have it") if total else gettext("none reports")


def _since(run: Rollout) -> datetime:
    return run.ended_at or run.stage_entered_at or run.created_at


def _next_decision(run: Rollout, gates: GateTable, end: datetime, now: datetime) -> Fact:
    open_gates = gates.in_the_way
    label = gettext("Next decision")
    still = ngettext("%(n)s gate open", "%(n)s gates open", open_gates) % {"n": open_gates}
    still = still if open_gates else gettext("every gate passes")
    match State(run.state):
        case State.RUNNING | State.HOLDING if now < end:
            return Fact(label, gettext("in %(time)s") % {"time": span(end - now)}, still)
        case State.RUNNING:
            return Fact(label, gettext("at the next check"), still)
        case State.HOLDING:
            return Fact(label, gettext("a person’s"), still, "wait")
        case State.PAUSED:
            return Fact(label, gettext("a person’s"), gettext("resume, or roll back"), "wait")
        case State.DRAFT:
            return Fact(label, gettext("a second person’s"), gettext("approve, or refuse"), "wait")
        case State.SCHEDULED:
            return Fact(label, gettext("starts %(when)s") % {"when": moment(run.starts_at)}, gettext("by itself"))
        case State.ROLLING_BACK:
            return Fact(label, pgettext("decision", "none"), gettext("waits for the last process"))
    return Fact(label, pgettext("decision", "none"), gettext("ended %(when)s") % {"when": moment(run.ended_at)})


def _reasons(
    run: Rollout, policy: Policy, verdicts: Sequence[Verdict], needed: dict[str, float | None], now: datetime
) -> tuple[Reason, ...]:
    """Say why it does not advance now, in the order in which an operator can do something about it."""
    state, stage, found = State(run.state), policy.stages[run.stage], []
    if run.flag.killed_at is not None:
        found.append(Reason("power_settings_new", gettext("The flag is killed: off for everybody, above every stage")))
    if state not in EXPOSING:
        nothing = gettext("%(state)s: nothing is decided") % {"state": STATES[state].word}
        return (*found, Reason("info", told(run.waits_for) or nothing))
    if state is State.PAUSED:
        found.append(Reason("pause_circle", gettext("A person put it on hold; it goes on when somebody resumes it")))
    end = end_of(stage, view_of(run))
    if now < end:
        found.append(Reason("schedule", gettext("%(time)s of the stage remain") % {"time": span(end - now)}))
    # What only tells somebody stands in nobody's way.
    titles = {gate.name: title_of(gate) for gate in policy.gates_of(stage) if gate.purpose not in TELLING}
    for verdict in verdicts:
        if verdict.outcome is not Outcome.PASS and verdict.gate in titles:
            found.append(_open_gate(verdict, titles[verdict.gate], needed))
    unsure = (Outcome.INCONCLUSIVE, Outcome.NO_DATA)
    if stage.extensions and any(v.outcome in unsure and v.gate in titles for v in verdicts):
        found.append(Reason("update", _at_the_end(stage, stage.extensions - run.extensions)))
    if stage.manual:
        by_hand = gettext("This stage is left by a person’s advance, also when everything passes")
        found.append(Reason("person", by_hand))
    return tuple(found) or (Reason("check", gettext("Nothing is in the way; it advances at the next check")),)


def _at_the_end(stage: Stage, left: int) -> str:
    if left <= 0:
        return gettext("If still open at the end: a second person decides")
    words = ngettext(
        "If still open at the end: extended by %(time)s, %(n)s more time",
        "If still open at the end: extended by %(time)s, %(n)s more times",
        left,
    )
    return words % {"time": span(stage.extend), "n": left}


def _open_gate(verdict: Verdict, title: str, needed: dict[str, float | None]) -> Reason:
    icon = {Outcome.FAIL: "cancel", Outcome.INCONCLUSIVE: "hourglass_top"}.get(verdict.outcome, "block")
    text = f"{title}: {shown(verdict.outcome.value.replace('_', ' '))}"
    text += f" ({told(verdict.why)})" if verdict.why else ""
    if verdict.gate not in needed:
        return Reason(icon, text)
    days = needed[verdict.gate]
    if days is None:
        return Reason(icon, gettext("%(gate)s; enough never at today’s traffic") % {"gate": text})
    when = gettext("%(gate)s; enough in about %(time)s at today’s traffic")
    return Reason(icon, text if days == 0 else when % {"gate": text, "time": span(timedelta(days=days))})


def _blocked(run: Rollout, policy: Policy, gates: GateTable, now: datetime) -> str:
    """Return why an advance cannot be asked for now; what is only unsure goes to a second person with its evidence."""
    state = State(run.state)
    if run.flag.killed_at is not None:
        return gettext("the flag is killed")
    if state is State.PAUSED:
        return gettext("on hold: resume it first")
    if state not in EXPOSING:
        return gettext("%(state)s: there is no next stage") % {"state": STATES[state].small}
    end = end_of(policy.stages[run.stage], view_of(run))
    if now < end:
        return gettext("%(time)s of this stage remain") % {"time": span(end - now)}
    if gates.failed:
        return gettext("failed: %(gates)s") % {"gates": shortly(gates.failed)}
    return ""


def _stale(run: Rollout, policy: Policy, total: Counted, now: datetime) -> str:
    """Return the age of the newest outcome where it is older than the policy allows, "" where all is fresh."""
    if State(run.state) not in EXPOSING or not policy.stages[run.stage].has_traffic:
        return ""
    newest = total.newest or run.fresh_from or run.starts_at
    return span(now - newest) if now - newest > policy.stale_after * policy.window else ""
