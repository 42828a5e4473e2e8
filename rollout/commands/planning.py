"""`rollout policies`, `rollout simulate`: what a policy is and does, before anybody is exposed to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from common.errors import InvalidInput
from common.management.base import OK, PARTLY_FAILED, MesocycleCommand
from rollout.commands.standing import limit_words, moment_text
from rollout.commands.verb import FAILED, OPEN, Row, Verb
from rollout.gates.detect import Traffic, days_to_conclusive, detectable
from rollout.messages.figures import duration_text, measured, reach_text
from rollout.policy.load import PolicyError, all_policies, load_policy, shipped
from rollout.policy.model import Metric, Policy
from rollout.simulation import ScenarioError, Trace, load_scenario, scenario_names, simulate

BASE_RATES: Final = {
    Metric.ERROR: 0.01,
    Metric.FALLBACK: 0.01,
    Metric.INVALID: 0.01,
    Metric.UNSAFE: 0.0,
    Metric.SLOWER: 0.05,
    Metric.ACCEPTED: 0.9,
    Metric.CRITICAL: 0.00003,
    Metric.REPORTS: 0.005,
}
"""What the control is assumed to do where nobody says otherwise."""


class Policies(Verb):
    """The policies that ship and those of the own folder."""

    name = "policies"
    help = "list policies, or show one: stages, gates, and what each stage can detect"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add which, and the traffic to assume."""
        parser.add_argument("policy", nargs="?", metavar="NAME", help="show this one; also a TOML file")
        parser.add_argument(
            "--a-day",
            type=float,
            default=1000,
            metavar="N",
            help="eligible answers (decided plans, subjects) a day, both arms together (default: %(default)g)",
        )
        parser.add_argument(
            "--base-rate",
            type=float,
            metavar="SHARE",
            help="what the control does, 0 to 1 (default: by metric, as for errors 0.01)",
        )

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print the list or the one."""
        if options["policy"]:
            _one(command, policy_named(options["policy"]), options)
            return OK
        found, errors = _readable()
        rows = [_listed_policy(policy, own=name not in shipped()) for name, policy in sorted(found.items())]
        if command.as_json:
            command.emit({"policies": rows, "errors": errors})
        else:
            command.table(rows, columns=("name", "title", "stages", "gates", "from", "days"))
            for line in errors:
                command.stdout.write(f"cannot be used: {line}")
        return PARTLY_FAILED if errors else None


def policy_named(text: str) -> Policy:
    """Return a policy by its name, or from a TOML file.

    Raises:
        InvalidInput: there is none, or it cannot be read; with every mistake.
    """
    found, errors = _readable()
    if text in found:
        return found[text]
    if not text.endswith(".toml"):
        known = ", ".join(sorted(found))
        raise InvalidInput("; ".join([f"policy must be one of {known}", *errors]), pointer="/policy")
    try:
        return load_policy(Path(text))
    except PolicyError as error:
        raise InvalidInput("; ".join(error.errors), pointer="/policy") from error


def _readable() -> tuple[dict[str, Policy], list[str]]:
    """Return the policies that can be read, and the mistakes in the others."""
    own = Path(settings.ROLLOUT_POLICY_DIR) if settings.ROLLOUT_POLICY_DIR else None
    try:
        return all_policies(own), []
    except PolicyError as error:
        return shipped(), list(error.errors)


def _listed_policy(policy: Policy, *, own: bool) -> Row:
    return {
        "name": policy.name,
        "title": policy.title,
        "stages": len(policy.stages),
        "gates": len(policy.gates),
        "days": sum(stage.duration.total_seconds() for stage in policy.stages) / 86400,
        "from": "own folder" if own else policy.source,
        "sha256": policy.sha256,
    }


def _one(command: MesocycleCommand, policy: Policy, options: Row) -> None:
    stages = [
        {
            "stage": stage.name,
            "title": stage.title,
            "reaches": reach_text(stage.thousandths, stage.groups),
            "lasts": duration_text(stage.duration),
            "put off": f"{stage.extensions} × {duration_text(stage.extend)}" if stage.extensions else "never",
            "left by": "a person" if stage.manual else "the engine",
        }
        for stage in policy.stages
    ]
    gates = [
        {
            "gate": gate.name,
            "title": gate.title,
            "kind": str(gate.kind),
            "does": str(gate.purpose),
            "fails at": limit_words(gate),
            "at": ", ".join(gate.stages) or "every stage with traffic",
        }
        for gate in policy.gates
    ]
    effects = _effects(policy, options["a_day"], options["base_rate"])
    if command.as_json:
        document = {**_listed_policy(policy, own=policy.name not in shipped()), "stages": stages, "gates": gates}
        command.emit({**document, "detectable": effects, "a_day": options["a_day"], "contacts": policy.contacts})
        return
    command.stdout.write(f"{policy.title}: {policy.description}\nsource: {policy.source}; sha256 {policy.sha256}")
    command.table(stages, title="Stages")
    command.table(gates, columns=("gate", "kind", "does", "fails at", "at"), title="Gates")
    command.table([_readable_effect(row) for row in effects], title=f"Detectable with {options['a_day']:g} a day")


def _effects(policy: Policy, a_day: float, base_rate: float | None) -> list[Row]:
    """Return from which true value of the new arm each gate fails in 80 and 99 % of such stages."""
    rows = []
    for stage in policy.stages:
        share = stage.nominal / 100_000 if stage.nominal else None
        for gate in policy.gates_of(stage):
            if gate.metric not in BASE_RATES:
                continue
            base = BASE_RATES[gate.metric] if base_rate is None else base_rate
            traffic = Traffic(a_day, base, share)
            found = detectable(stage, gate, traffic)
            days = days_to_conclusive(stage, gate, traffic)
            rows.append(
                {
                    "stage": stage.name,
                    "gate": gate.name,
                    "metric": str(gate.metric),
                    "base_rate": base,
                    "n": found.n,
                    "n_control": found.n_control,
                    "at_80": found.at_80,
                    "at_99": found.at_99,
                    "days_to_min_n": days,
                }
            )
    return rows


def _readable_effect(row: Row) -> Row:
    metric = Metric(row["metric"])
    seen = {name: "no effect" if row[name] is None else measured(row[name], metric) for name in ("at_80", "at_99")}
    days = "never" if row["days_to_min_n"] is None else f"{row['days_to_min_n']:.1f}"
    return {
        "stage": row["stage"],
        "gate": row["gate"],
        "n": row["n"],
        "control": measured(row["base_rate"], metric),
        "80 % sure": seen["at_80"],
        "99 % sure": seen["at_99"],
        "days to min n": days,
    }


class Simulate(Verb):
    """A policy through a scenario, on a virtual clock."""

    name = "simulate"
    help = "run a policy through a scenario on a virtual clock and print every decision; exit code 0, 6 or 7 by outcome"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add policy, scenario and seed."""
        parser.add_argument("policy", metavar="POLICY", help="a policy's name, or a TOML file")
        parser.add_argument(
            "--scenario",
            default="healthy",
            metavar="NAME|FILE",
            help=f"a TOML file or one of {', '.join(scenario_names())}; NAME:STAGE says where (default: %(default)s)",
        )
        parser.add_argument("--seed", type=int, default=0, help="the same seed, the same trace (default: %(default)s)")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print the trace; the exit code says how it ended."""
        policy = policy_named(options["policy"])
        try:
            trace = simulate(policy, load_scenario(options["scenario"]), seed=options["seed"])
        except ScenarioError as error:
            raise InvalidInput("; ".join(error.errors), pointer="/scenario") from error
        if command.as_json:
            command.emit(trace.as_json())
        else:
            _show_trace(command, trace)
        return {"completed": OK, "holding": OPEN, "rolled_back": FAILED}[trace.outcome]


def _show_trace(command: MesocycleCommand, trace: Trace) -> None:
    rows = [
        {
            "at": moment_text(d.at),
            "stage": d.stage,
            "by": "person" if d.by_person else "engine",
            "command": d.command.replace("_", " ") or "–",
            "why": d.why,
            "alerts": ", ".join(d.alerts) or None,
        }
        for d in trace.decisions
    ]
    command.table(rows, title=f"{trace.policy}, {trace.scenario}, seed {trace.seed} (synthetic)")
    took = duration_text(trace.ended - trace.started)
    killed = ", killed" if trace.killed else ""
    command.stdout.write(f"{trace.outcome.replace('_', ' ')} at {trace.stage} after {took}{killed}")
