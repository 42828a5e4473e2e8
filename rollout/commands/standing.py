"""Where a run or a flag stands, read back from the rows: what `status`, `watch` and every change print."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from common.database_time import database_now
from rollout.commands.verb import Row
from rollout.engine import end_of, time_left
from rollout.gates.evidence import Verdict
from rollout.lifecycle import EXPOSING, LIVE, State
from rollout.messages.figures import duration_text, measured, reach_text
from rollout.models import Approval, Flag, FlagProcess, Rollout
from rollout.policy.model import Gate, GateKind, Policy, Worse
from rollout.runs import policy_of, view_of
from rollout.selectors import SILENT_AFTER, observed, version_token
from rollout.services.writing import fields_of
from rollout.status import tallies_since, verdicts_of

POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Observed:
    """How many processes decide by what is in the database now, of those seen lately, and how long that took."""

    processes_current: int
    processes: int
    waited_seconds: float = 0.0

    @property
    def words(self) -> str:
        if not self.processes:
            return "no process has reported lately: nobody was seen with it"
        return f"{self.processes_current} of {self.processes} processes have it, after {self.waited_seconds:.1f} s"


def see(wait: float = 0.0) -> Observed:
    """Wait (in seconds) until every process was seen with the present snapshot, and return how many were."""
    begun, token = time.monotonic(), version_token()
    while True:
        current, total = observed(token)
        waited = time.monotonic() - begun
        if current == total or waited >= wait:
            return Observed(current, total, round(waited, 2))
        time.sleep(POLL_SECONDS)


def moment_text(at: datetime | None) -> str | None:
    """Return a moment to the minute, UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else None


def is_killed(flag: Flag) -> str:
    """Return by what a flag is killed, "" where it is not; the environment is the one of this process."""
    if flag.name in settings.FLAGS_KILLED:
        return "environment"
    return "database" if flag.killed_at else ""


def flag_row(flag: Flag) -> Row:
    """Return a flag as it is in the database now."""
    fields = fields_of(flag)
    return {
        "key": flag.name,
        "enabled": flag.enabled,
        "percent": flag.rollout_thousandths / 1000,
        "groups": fields["groups"],
        "requires_tier": flag.requires_tier,
        "admin_override": flag.admin_override,
        "killed": is_killed(flag),
        "killed_at": flag.killed_at,
        "guarded": flag.guarded,
        "retired_at": flag.metadata.get("retired_at"),
    }


def flag_words(flag: Flag) -> str:
    """Return whom a flag reaches, in words."""
    by = is_killed(flag)
    if by:
        return f"{flag.name}: killed ({by}), off for everybody"
    if flag.admin_override is not None:
        return f"{flag.name}: {'on' if flag.admin_override else 'off'} for everybody by admin override"
    if not flag.enabled:
        return f"{flag.name}: disabled, off for everybody without an override"
    tier = f" of tier {flag.requires_tier} or better" if flag.requires_tier else ""
    reach = reach_text(flag.rollout_thousandths, fields_of(flag)["groups"])
    return f"{flag.name}: on for {reach}{'' if reach == 'nobody' else tier}"


def run_row(run: Rollout, at: datetime) -> Row:
    """Return a run as scripts read it; `stage_number` counts from 1, times are UTC, `seconds_left` at least."""
    policy = policy_of(run)
    stage, view, exposing = policy.stages[run.stage], view_of(run), State(run.state) in EXPOSING
    return {
        "id": run.pk,
        "flag": run.flag.name,
        "policy": run.policy_name,
        "state": run.state,
        "step": run.version,
        "stage": stage.name,
        "stage_title": stage.title,
        "stage_number": run.stage + 1,
        "stages": len(policy.stages),
        "percent": run.flag.rollout_thousandths / 1000,
        "starts_at": run.starts_at,
        "stage_entered_at": run.stage_entered_at,
        "fresh_from": run.fresh_from,
        "stage_ends_at": end_of(stage, view) if exposing else None,
        "seconds_left": time_left(policy, view, at).total_seconds() if exposing else None,
        "extensions": run.extensions,
        "extensions_allowed": stage.extensions,
        "waits_for": run.waits_for,
        "next": next_words(run, policy, at),
        "last_tick": run.last_tick,
        "ended_at": run.ended_at,
        "cool_down_until": run.cool_down_until,
        "synthetic": run.synthetic,
    }


def next_words(run: Rollout, policy: Policy, at: datetime) -> str:
    """Return what a run does next, or whom it waits for."""
    if State(run.state) in LIVE and run.flag.killed_at is not None:
        return "the flag is killed: `rollout unkill` asks to resume it"
    match State(run.state):
        case State.DRAFT:
            return "a second person approves it"
        case State.SCHEDULED:
            return f"starts at {moment_text(run.starts_at)}"
        case State.PAUSED:
            return "a person resumes it"
        case State.HOLDING:
            return run.waits_for or "waits"
        case State.ROLLING_BACK:
            return "every process has to be seen with the flag at zero"
        case State.RUNNING:
            left = time_left(policy, view_of(run), at)
            return f"decides in {duration_text(left)}" if left else "decides at the next tick"
    return f"ended {moment_text(run.ended_at)}"


def gate_row(verdict: Verdict, gate: Gate | None) -> Row:
    """Return a gate's answer as scripts read it."""
    about = {"kind": gate.kind, "purpose": gate.purpose, "title": gate.title} if gate else {}
    return {**asdict(verdict), **about}


def gate_table(verdicts: Iterable[Verdict], policy: Policy) -> list[Row]:
    """Return gates as people read them, never a number without its n."""
    gates = {gate.name: gate for gate in policy.gates}
    rows = []
    for verdict in verdicts:
        gate = gates.get(verdict.gate)
        metric = gate.metric if gate else None
        values = [None if v is None else measured(v, metric) for v in (verdict.observed, verdict.control)]
        rows.append(
            {
                "gate": verdict.gate,
                "does": str(gate.purpose) if gate else None,
                "outcome": verdict.outcome.replace("_", " "),
                "n": verdict.n,
                "observed": values[0],
                "control": None if values[1] is None else f"{values[1]} (n {verdict.n_control})",
                "limit": limit_words(gate) if gate else None,
                "why": verdict.why,
            }
        )
    return rows


def limit_words(gate: Gate) -> str:
    """Return what a gate asks, in words."""
    metric = f"slower than {gate.above_ms:g} ms" if gate.above_ms else str(gate.metric or "").replace("_", " ")
    match gate.kind:
        case GateKind.CHECK:
            return "recorded by a person"
        case GateKind.BREAKER:
            return f"{metric}, {gate.in_a_row} in a row" if gate.in_a_row > 1 else f"any {metric}"
        case GateKind.GUARDRAIL:
            factor = f"{gate.margin:g} times " if gate.margin != 1 else ""
            return f"{metric}: odds worse than {factor}the control's, alpha {gate.alpha:g}, n ≥ {gate.min_n}"
    side = "more" if gate.worse is Worse.ABOVE else "less"
    over = f" in {duration_text(gate.window)}" if gate.window else " over the stage"
    held = f" for {duration_text(gate.holds_for)}" if gate.holds_for else ""
    limit = measured(gate.limit or 0.0, gate.metric)
    return f"{metric}: {side} than {limit}{over}{held}, n ≥ {gate.min_n}"


def arm_rows(run: Rollout) -> list[Row]:
    """Return what each arm did at the present stage since its evidence counts; quantiles in ms."""
    rows = []
    for arm, tally in tallies_since(run).items():
        n, latency = tally.answered, tally.latency
        rows.append(
            {
                "arm": str(arm),
                "answered": n,
                "subjects": tally.subjects,
                "failed": tally.failed,
                "fallback": tally.fallback,
                "invalid": tally.invalid,
                "p50_ms": latency.quantile(0.5),
                "p95_ms": latency.quantile(0.95),
                "p99_ms": latency.quantile(0.99),
                "decided": tally.decided,
                "accepted": tally.accepted,
                "rated": tally.rated,
                "rating": tally.rating_sum / tally.rated if tally.rated else None,
                "reports": tally.reports,
                "critical": tally.critical,
            }
        )
    return rows


def arm_table(rows: list[Row]) -> list[Row]:
    """Return both arms beside each other, as people compare them."""
    return [
        {"": name.replace("_", " "), **{row["arm"]: row[name] for row in rows}} for name in rows[0] if name != "arm"
    ]


def process_rows(at: datetime) -> list[Row]:
    """Return the processes that were seen lately and whether they decide by what is in the database now."""
    token = version_token()
    rows = FlagProcess.objects.filter(seen_at__gt=at - SILENT_AFTER).order_by("name")
    return [
        {"process": p.name, "current": p.snapshot_version == token, "snapshot_at": p.snapshot_at, "seen_at": p.seen_at}
        for p in rows
    ]


def standing(run: Rollout) -> Row:
    """Return all that is known of a run, as scripts read it; the gates as the last tick saw them."""
    at, policy = database_now(), policy_of(run)
    gates = {gate.name: gate for gate in policy.gates}
    verdicts = verdicts_of(run.verdicts_json)
    wishes = Approval.objects.filter(flag=run.flag, decided_at=None, expires_at__gt=at).order_by("id")
    return {
        "run": run_row(run, at),
        "flag": flag_row(run.flag),
        "gates": [gate_row(verdict, gates.get(verdict.gate)) for verdict in verdicts],
        "arms": arm_rows(run),
        "processes": process_rows(at),
        "open_wishes": [{"id": w.pk, "kind": w.kind, "reason": w.reason, "expires_at": w.expires_at} for w in wishes],
        "contacts": policy.contacts,
    }


def headline(found: Row) -> list[str]:
    """Return where a run stands in a few lines; `found` is of `standing`."""
    run: dict[str, Any] = found["run"]
    made_up = ", SYNTHETIC outcomes" if run["synthetic"] else ""
    lines = [
        f"{run['flag']}, policy {run['policy']}, run {run['id']}{made_up}",
        f"stage {run['stage_number']} of {run['stages']}: {run['stage_title']}; {run['percent']:g} %; "
        f"{run['state'].replace('_', ' ')}, step {run['step']}",
        f"next: {run['next']}",
    ]
    if run["extensions"]:
        lines.append(f"put off {run['extensions']} of {run['extensions_allowed']} times for want of evidence")
    if run["waits_for"]:
        lines.append(f"waits for: {run['waits_for']}")
    if run["cool_down_until"]:
        lines.append(f"cool-down until {moment_text(run['cool_down_until'])}")
    return [*lines, f"last tick: {moment_text(run['last_tick']) or 'none yet'}"]
