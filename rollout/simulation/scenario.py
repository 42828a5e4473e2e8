"""A scenario as data: what the two arms truly do, what breaks and when, who acts. Read from TOML, checked whole."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rollout.lifecycle import Command
from rollout.policy.fields import Fields, PolicyError
from rollout.policy.model import GateKind, Policy

FOLDER: Final = Path(__file__).resolve().parent / "scenarios"
_LONGEST: Final = timedelta(days=400)
_BY_PERSON: Final = (Command.ADVANCE, Command.PAUSE, Command.RESUME, Command.ROLLBACK)


class ScenarioError(PolicyError):
    """A scenario cannot be used; `errors` has one line a mistake."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What an arm truly does; shares from 0 to 1, latency log-normal."""

    error: float = 0.004
    fallback: float = 0.9  # of the failed, how many the other pipeline answered
    invalid: float = 0.004
    unsafe: float = 0.0
    median_ms: float = 120.0
    spread: float = 0.35  # standard deviation of log latency
    decided: float = 0.5  # of the answered
    accepted: float = 0.92  # of the decided
    rated: float = 0.5  # of the decided
    rating: float = 4.5
    critical: float = 0.000_03  # reports a subject and day
    reports: float = 0.0005  # reports a subject and day
    cost_seconds: float = 0.1


RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "median_ms": (1, 600_000),
    "spread": (0.01, 2),
    "rating": (1, 5),
    "cost_seconds": (0.001, 3600),
}


@dataclass(frozen=True, slots=True)
class Change:
    """From a stage on, so long after it was entered, the new arm differs. `stage` None is the scenario's stage."""

    values: Mapping[str, float]
    stage: str | None = None
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Outage:
    """For a time nothing of `what` arrives: `metrics`, or the `scheduler`'s ticks."""

    what: str
    lasts: timedelta
    stage: str | None = None
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Jump:
    """The clock leaps once, forwards or back."""

    by: timedelta
    stage: str | None = None
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class PersonActs:
    """What a person does once, so long after a stage was entered."""

    command: Command
    stage: str | None = None
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did at a moment of recorded history."""

    at: datetime
    command: Command
    to_stage: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What was recorded at a moment for a gate that no counter answers, in the stage that ran then."""

    at: datetime
    gate: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story; `answers` is the mean of a window over both arms, `night` the least of a day as a share of it.

    Checks are recorded as passed `checks_after` a stage's begin; `withheld` ones never, `failing` ones as failed.
    """

    name: str
    description: str
    answers: float = 2000.0
    night: float = 0.3
    returning: float = 0.3  # of the answers, those to subjects seen in the stage before
    new: Truth = Truth()
    control: Truth = Truth()
    changes: tuple[Change, ...] = ()
    outages: tuple[Outage, ...] = ()
    jumps: tuple[Jump, ...] = ()
    acts: tuple[PersonActs, ...] = ()
    checks_after: timedelta = timedelta(minutes=30)
    withheld: frozenset[str] = frozenset()
    failing: frozenset[str] = frozenset()
    fail_all: bool = field(default=False)  # checks that roll back fail, in the scenario's stage
    stage: str | None = None  # of what names none; None is the first stage with traffic

    def checks_of(self, policy: Policy, stage_index: int) -> dict[str, bool]:
        """Return what is recorded in a stage."""
        stage = policy.stages[stage_index]
        here = stage.name == self.stage_of(policy, None)
        return {
            gate.name: gate.name not in self.failing and not (self.fail_all and here and gate.purpose == "rollback")
            for gate in policy.gates_of(stage)
            if gate.kind is GateKind.CHECK and gate.name not in self.withheld
        }

    def stage_of(self, policy: Policy, named: str | None) -> str:
        """Return the stage of a change, outage, jump or act."""
        reached = (stage.name for stage in policy.stages if stage.has_traffic)
        return named or self.stage or next(reached, policy.stages[0].name)


def scenario_names() -> list[str]:
    """Return the scenarios that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_scenario(name: str) -> Scenario:
    """Read a shipped scenario by name, or a file by path; `name:STAGE` says in which stage it happens.

    Raises:
        ScenarioError: no such scenario or file, or every mistake in it.
    """
    base, _, stage = name.partition(":")
    path = FOLDER / f"{base}.toml" if base in scenario_names() else Path(base)
    try:
        text = path.read_bytes().decode()
    except (OSError, ValueError):
        known = ", ".join(scenario_names())
        raise ScenarioError([f"{base}: no such scenario or file; those that ship: {known}"]) from None
    return replace(parse_scenario(text, source_name=path.name), name=name, stage=stage or None)


def parse_scenario(text: str, *, source_name: str) -> Scenario:
    """Read a scenario from the text of a TOML file.

    Raises:
        ScenarioError: with every mistake, each naming file, part and field.
    """
    errors: list[str] = []
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as problem:
        raise ScenarioError([f"{source_name}: this is not TOML: {problem}"]) from None
    scenario = _read(Fields(source_name, table, errors))
    if errors:
        raise ScenarioError(errors)
    return scenario


def _read(top: Fields) -> Scenario:
    plain = Scenario("", "")
    control = _truth(_part(top, "control"), Truth())
    changes, outages, jumps, acts = (_parts(top, name) for name in ("change", "outage", "jump", "act"))
    scenario = Scenario(
        name=top.slug("name"),
        description=top.text("description", required=True),
        answers=_number(top, "answers", 0, 1_000_000, plain.answers),
        night=_number(top, "night", 0, 1, plain.night),
        returning=_number(top, "returning", 0, 1, plain.returning),
        control=control,
        new=_truth(_part(top, "new"), control),
        changes=tuple(_change(one) for one in changes),
        outages=tuple(_outage(one) for one in outages),
        jumps=tuple(_jump(one) for one in jumps),
        acts=tuple(_act(one) for one in acts),
        checks_after=top.duration("checks_after", timedelta(), _LONGEST) or plain.checks_after,
        withheld=frozenset(top.slugs("withheld")),
        failing=frozenset(top.slugs("failing")),
        fail_all=top.flag("fail_all"),
    )
    top.finish()
    return scenario


def _part(top: Fields, name: str) -> Fields:
    return Fields(f"{top.where}: {name}", top.table_of(name), top.errors)


def _parts(top: Fields, name: str) -> list[Fields]:
    if name not in top.table:
        return []
    tables: list[Mapping[str, Any]] = top.tables(name)
    return [Fields(f"{top.where}: {name} {number}", table, top.errors) for number, table in enumerate(tables, 1)]


def _number(part: Fields, name: str, low: float, high: float, default: float) -> float:
    value = part.number(name, low, high)
    return default if value is None else float(value)


def _values(part: Fields) -> dict[str, float]:
    found = {one.name: part.number(one.name, *RANGES.get(one.name, (0, 1))) for one in fields(Truth)}
    return {name: float(value) for name, value in found.items() if value is not None}


def _truth(part: Fields, default: Truth) -> Truth:
    truth = replace(default, **_values(part))
    part.finish()
    return truth


def _place(part: Fields) -> tuple[str | None, timedelta]:
    """Read where and when something happens."""
    stage = part.slug("stage") if "stage" in part.table else None
    return stage, part.duration("after", timedelta(), _LONGEST) or timedelta()


def _change(part: Fields) -> Change:
    change = Change(_values(part), *_place(part))
    part.finish()
    return change


def _outage(part: Fields) -> Outage:
    what = part.choice("what", ("metrics", "scheduler"), required=True) or ""
    lasts = part.duration("lasts", timedelta(minutes=1), _LONGEST, required=True) or timedelta()
    outage = Outage(what, lasts, *_place(part))
    part.finish()
    return outage


def _jump(part: Fields) -> Jump:
    forwards = part.duration("forwards", timedelta(minutes=1), _LONGEST)
    back = part.duration("back", timedelta(minutes=1), _LONGEST)
    if (forwards is None) == (back is None):
        part.wrong("forwards", part.table.get("forwards"), "either forwards or back")
    jump = Jump((forwards or timedelta()) - (back or timedelta()), *_place(part))
    part.finish()
    return jump


def _act(part: Fields) -> PersonActs:
    command = part.choice("command", [one.value for one in _BY_PERSON], required=True)
    acts = PersonActs(Command(command or Command.ADVANCE), *_place(part))
    part.finish()
    return acts
