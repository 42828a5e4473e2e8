"""Policies from TOML: read whole, checked whole, refused with every mistake at once.

The shipped ones are the customer's four documents (requirements, rows G to J) in `rollout/policies/`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rollout.evaluation import FULL, TIERS_THAT_SATISFY
from rollout.policy.fields import Fields, PolicyError
from rollout.policy.gates import LONGEST, gate_fields, read_gate
from rollout.policy.model import Gate, GateKind, Policy, Purpose, Stage

__all__ = ["SHIPPED", "PolicyError", "all_policies", "load_policy", "parse_policy", "shipped"]

SHIPPED: Final = Path(__file__).resolve().parent.parent / "policies"
ALPHA_BUDGET: Final = 0.02
"""How often all guardrails of a stage together may roll a healthy feature back."""

ROLLBACKS: Final = ("immediate", "partial", "full")
_NO_TIME, _DAY = timedelta(), timedelta(days=1)


def parse_policy(text: str, *, source_name: str) -> Policy:
    """Read a policy from the text of a TOML file; its `sha256` is of exactly this text.

    Raises:
        PolicyError: with every mistake, each naming file (`source_name`), stage or gate, and field.
    """
    errors: list[str] = []
    try:
        table = tomllib.loads(text, parse_float=Decimal)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
    except (ValueError, RecursionError) as problem:  # also a number of 5,000 digits, or brackets without end
        raise PolicyError([f"{source_name}: this is not TOML: {problem}"]) from None
    policy = _read(Fields(source_name, table, errors), sha256)
    if not errors:
        errors.extend(f"{source_name}: {mistake}" for mistake in _mistakes(policy))
    if errors:
        raise PolicyError(errors)
    return replace(policy, text=text)


def load_policy(path: Path) -> Policy:
    """Read a policy from a file that carries its name.

    Raises:
        PolicyError: unreadable, wrong as `parse_policy` says, or under another name than its own.
    """
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as problem:
        raise PolicyError([f"{path.name}: cannot be read: {problem}"]) from None
    policy = parse_policy(text, source_name=path.name)
    if policy.name != path.stem:
        raise PolicyError([f"{path.name}: name: found '{policy.name}', allowed '{path.stem}' as the file is called"])
    return policy


def shipped() -> dict[str, Policy]:
    """Return the policies that ship, by name."""
    return _folder(SHIPPED)


def all_policies(folder: Path | None) -> dict[str, Policy]:
    """Return the shipped policies and those of a folder of one's own, by name.

    Raises:
        PolicyError: with the mistakes of all files; there is no such folder; a name that ships already.
    """
    found = shipped()
    if folder is None:
        return found
    if not folder.is_dir():
        raise PolicyError([f"{folder}: there is no such folder"])
    own = _folder(folder)
    taken = sorted(found.keys() & own.keys())
    if taken:
        raise PolicyError(
            f"{name}.toml: name: found '{name}', allowed a name that no shipped one has" for name in taken
        )
    return found | own


def _folder(folder: Path) -> dict[str, Policy]:
    found: dict[str, Policy] = {}
    errors: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found[path.stem] = load_policy(path)
        except PolicyError as problem:
            errors.extend(problem.errors)
    if errors:
        raise PolicyError(errors)
    return found


def _read(fields: Fields, sha256: str) -> Policy:
    file, errors = fields.where, fields.errors
    window = fields.duration("window", timedelta(minutes=1), timedelta(hours=1)) or timedelta(minutes=5)
    if window % timedelta(minutes=1):
        fields.wrong("window", fields.table.get("window"), "whole minutes: outcomes are rolled up by the minute")
    policy = Policy(
        name=fields.slug("name"),
        title=fields.text("title", required=True, longest=200),
        description=fields.text("description", required=True),
        source=fields.text("source", required=True, longest=200),
        stages=tuple(_stage(file, table, errors) for table in fields.tables("stage")),
        gates=tuple(read_gate(gate_fields(file, table, errors), window=window) for table in fields.tables("gate")),
        sha256=sha256,
        window=window,
        stale_after=fields.whole("stale_after", 1, 1000) or 3,
        cool_down=_or(fields.duration("cool_down", _NO_TIME, LONGEST), _DAY),
        partial_to=fields.slug("partial_to") if "partial_to" in fields.table else "",
        retire_after=fields.duration("retire_after", _DAY, LONGEST) or timedelta(days=30),
        contacts=_contacts(fields),
        rollback_within=_within(fields),
    )
    fields.finish()
    return policy


def _stage(file: str, table: Mapping[str, Any], errors: list[str]) -> Stage:
    fields = Fields(f"{file}: stage {table.get('name')!r:.70}" if "name" in table else f"{file}: stage", table, errors)
    name, title = fields.slug("name"), fields.text("title", required=True, longest=200)
    groups, only_groups = fields.slugs("groups"), fields.flag("only_groups")
    if only_groups and not groups:
        fields.wrong("only_groups", True, "only with groups")
    share = _thousandths(fields)
    extend = fields.duration("extend", timedelta(minutes=1), LONGEST) or _NO_TIME
    extensions = fields.whole("extensions", 0, 100) or 0
    if bool(extend) != bool(extensions):
        fields.wrong("extensions", extensions, "a number from 1 together with extend, or neither")
    stage = Stage(
        name=name,
        title=title,
        duration=_or(fields.duration("duration", _NO_TIME, LONGEST, required=True), _NO_TIME),
        thousandths=0 if only_groups else share,
        nominal=share if only_groups else 0,
        groups=groups,
        tier=fields.choice("tier", ["", *TIERS_THAT_SATISFY]),
        extend=extend,
        extensions=extensions,
        manual=fields.flag("manual"),
        retires=fields.flag("retires"),
    )
    fields.finish()
    return stage


def _thousandths(fields: Fields) -> int:
    percentage = fields.number("percentage", 0, 100, required=True)
    if percentage is None:
        return 0
    if (percentage * 1000) % 1:
        fields.wrong("percentage", percentage, "at most three digits after the point: a flag counts thousandths")
    return int(percentage * 1000)


def _contacts(fields: Fields) -> dict[str, str]:
    table = Fields(f"{fields.where}: contacts", fields.table_of("contacts"), fields.errors)
    return {name: table.text(name, longest=200) for name in table.table}


def _within(fields: Fields) -> dict[str, timedelta]:
    table = Fields(f"{fields.where}: rollback_within", fields.table_of("rollback_within"), fields.errors)
    found = {name: table.duration(name, timedelta(seconds=1), _DAY) for name in ROLLBACKS}
    table.finish("one of " + ", ".join(ROLLBACKS))
    return {name: time for name, time in found.items() if time is not None}


def _mistakes(policy: Policy) -> Iterator[str]:
    """Yield what is wrong between the parts of a policy whose parts are right."""
    yield from _twice("stage", [stage.name for stage in policy.stages])
    yield from _twice("gate", [gate.name for gate in policy.gates])
    for before, stage in zip(policy.stages, policy.stages[1:], strict=False):
        yield from _narrows(before, stage)
    names = [stage.name for stage in policy.stages]
    if policy.partial_to and policy.partial_to not in names:
        yield f"partial_to: found '{policy.partial_to}', allowed one of the stages {', '.join(names)}"
    for stage in policy.stages:
        if stage.retires and (stage.thousandths != FULL or stage is not policy.stages[-1]):
            yield f"stage '{stage.name}': retires: found true, allowed in the last stage, at 100 %"
    for gate in policy.gates:
        yield from _where(policy, gate)
    yield from _blind(policy)
    yield from _alpha(policy)


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{what} '{name}': name: found {count} times, allowed once"


def _narrows(before: Stage, stage: Stage) -> Iterator[str]:
    """A stage reaches everybody whom the one before reached: a level never falls, nobody is lost by widening."""
    where = f"stage '{stage.name}'"
    if stage.percentage < before.percentage or stage.thousandths < before.thousandths:
        yield f"{where}: percentage: found {stage.percentage:g}, allowed at least {before.percentage:g} as before it"
    lost = [name for name in before.groups if name not in stage.groups]
    if lost and stage.thousandths != FULL:
        yield f"{where}: groups: found {list(stage.groups)}, allowed with {', '.join(lost)} of the stage before it"
    if before.tier is not None and not _tiers(before.tier) <= _tiers(stage.tier):
        yield f"{where}: tier: found {stage.tier!r}, allowed one that lets in all whom {before.tier!r} lets in"


def _tiers(tier: str | None) -> frozenset[str]:
    if tier is None:
        return frozenset()
    return TIERS_THAT_SATISFY[tier] if tier else frozenset({"", *TIERS_THAT_SATISFY})


def _where(policy: Policy, gate: Gate) -> Iterator[str]:
    """Yield the stages in which a gate cannot be judged."""
    where, known = f"gate '{gate.name}'", {stage.name: stage for stage in policy.stages}
    unknown = [name for name in gate.stages if name not in known]
    if unknown:
        yield f"{where}: stages: found {', '.join(unknown)}, allowed {', '.join(known)}"
    if gate.kind is GateKind.CHECK:
        return
    for stage in policy.stages:
        if stage.name in gate.stages and not stage.has_traffic:
            yield f"{where}: stages: found {stage.name}, allowed stages with traffic: without it only a check answers"
        elif _compares(gate) and gate in policy.gates_of(stage) and not stage.has_control:
            yield f"{where}: stages: found {stage.name}, allowed stages below 100 %: at 100 % there is no control"


def _compares(gate: Gate) -> bool:
    return gate.kind is GateKind.GUARDRAIL or (gate.kind is GateKind.SLO and gate.margin > 1)


def _blind(policy: Policy) -> Iterator[str]:
    """Yield the stages with traffic in which nothing could stop the rollout."""
    for stage in policy.stages:
        acting = [gate for gate in policy.gates_of(stage) if gate.purpose not in (Purpose.ALERT, Purpose.PAGE)]
        if stage.has_traffic and not acting:
            yield f"stage '{stage.name}': gate: found none that holds or rolls back, allowed at least one"


def _alpha(policy: Policy) -> Iterator[str]:
    for stage in policy.stages:
        spent = sum(g.alpha for g in policy.gates_of(stage) if g.purpose is Purpose.ROLLBACK)
        if spent > ALPHA_BUDGET + 1e-12:
            yield (
                f"stage '{stage.name}': alpha: found {spent:g} over all guardrails that roll back, "
                f"allowed {ALPHA_BUDGET:g} together"
            )


def _or(time: timedelta | None, default: timedelta) -> timedelta:
    return default if time is None else time
