"""What the command says of an experiment before its start: the preview, and what a design can show."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from django.core.management.base import CommandParser

from common.errors import InvalidInput
from common.management.base import MesocycleCommand
from experiments.analysis import Design
from experiments.preview import Allocation, Powered, Preview, Sensitivity, Unknown, powered
from experiments.services.previewing import preview_experiment

GIVEN = ("sd", "arms", "clusters", "icc", "cv", "explained", "alpha")
_KEPT = ("days", "subjects", "followed", "target", "needed", "days_needed")


def add_power(part: CommandParser) -> None:
    """Add what `power` reads: a draft's key, or a design."""
    part.add_argument("key", metavar="KEY", nargs="?", help="of a draft; without one, give --sd")
    part.add_argument("--effect", type=float, metavar="X", help="in the metric's unit (default: the draft's target)")
    part.add_argument("--subjects", type=int, metavar="N", help="in all arms (default: who comes up to the end date)")
    part.add_argument("--sd", type=float, metavar="X", help="of subjects, in the metric's unit")
    part.add_argument("--arms", type=int, metavar="N", help="equal ones, the control too (default: 2)")
    part.add_argument("--clusters", type=int, metavar="N", help="coaches; left out, subjects are independent")
    part.add_argument("--icc", type=float, metavar="X", help="correlation of one coach's athletes (default: 0)")
    part.add_argument("--cv", type=float, metavar="X", help="of the coaches' numbers of athletes (default: 0)")
    part.add_argument("--explained", type=float, metavar="X", help="of the variance, by the pre-period (default: 0)")
    part.add_argument("--alpha", type=float, metavar="X", help="default: 0.05")


def show_preview(command: MesocycleCommand, options: dict[str, Any]) -> None:
    """Print a draft's preview."""
    found = preview_experiment(key=options["key"], acting_user=options["acting_user"])
    if command.as_json:
        command.emit(preview_document(found))
        return
    if found.allocation is not None:
        _print_allocation(command, found, found.allocation)
    if isinstance(found.sensitivity, Sensitivity):
        command.table([{name: getattr(found.sensitivity, name) for name in _KEPT} | _seen(found.sensitivity)])
    if found.overlaps:
        names = ("key", "in_both", "rule", "verdict")
        command.table([{name: str(getattr(one, name)) for name in names} for one in found.overlaps], title="Overlap")
    rows = [{"": check.weight.value, "before it can start": str(check)} for check in found.checks]
    command.table(rows)


def _print_allocation(command: MesocycleCommand, found: Preview, allocation: Allocation) -> None:
    command.table([asdict(allocation.counts)], title="Roster" + (" (one draw of many)" if found.is_example else ""))
    rows: list[dict[str, Any]] = []
    for row in allocation.rows:
        strata = dict(zip(found.strata, row.values, strict=True)) or {"stratum": "everybody"}
        rows.append({**strata, **dict(zip(allocation.variants, row.arms, strict=True)), "gap": row.gap})
    if rows:
        command.table(rows)


def preview_document(found: Preview) -> dict[str, Any]:
    """Return a preview as plain JSON."""
    seen = found.sensitivity
    protocol = found.protocol
    return {
        "at": found.at,
        "start_at": found.start_at,
        "is_example": found.is_example,
        "primary_metric": protocol and protocol.primary,
        "allocation": found.allocation and asdict(found.allocation),
        "overlap": [asdict(one) for one in found.overlaps],
        "sensitivity": {"unknown": seen.why} if isinstance(seen, Unknown) else sensitivity_document(seen),
        "checks": [asdict(check) for check in found.checks],
        "can_start": not found.blockers,
    }


def sensitivity_document(seen: Sensitivity) -> dict[str, Any]:
    """Return what an experiment could show as plain JSON; spans in days."""
    past = asdict(seen.background)
    past |= {name: past[name].days for name in ("span", "before")}
    return {
        **{name: getattr(seen, name) for name in _KEPT},
        **_seen(seen),
        "background": past,
        "arrivals": asdict(seen.arrivals) | {"a_day": seen.arrivals.a_day},
        "treatments": {
            one.variant: {"share": one.design.share_treatment, "detectable": one.detectable, "lift": one.lift}
            for one in seen.treatments
        },
        "curve": [point._asdict() for point in seen.curve],
    }


def _seen(seen: Sensitivity) -> dict[str, Any]:
    return {"detectable": seen.worst.detectable, "lift": seen.worst.lift, "at_best": seen.at_best}


def show_power(command: MesocycleCommand, options: dict[str, Any]) -> None:
    """Print power, detectable effect and subjects needed.

    Raises:
        InvalidInput: neither a key nor a standard deviation, both, a number out of its range, or a draft of which
            nothing is known.
    """
    days = None
    if options["subjects"] is not None and options["subjects"] < 1:
        raise InvalidInput("At least one subject.", pointer="/subjects")
    if options["effect"] is not None and not math.isfinite(options["effect"]):
        raise InvalidInput("An effect is a finite number.", pointer="/effect")
    try:
        if options["key"] is None:
            answer = powered(_design(options), subjects=options["subjects"], effect=options["effect"])
        else:
            answer, days = _of_draft(options)
    except ValueError as error:
        raise InvalidInput(f"{error}.") from error
    row = {**answer._asdict(), "days": days}
    if command.as_json:
        command.emit(row)
    else:
        command.table([row])


def _design(options: dict[str, Any]) -> Design:
    given = {name: options[name] for name in GIVEN if options[name] is not None}
    if "sd" not in given:
        raise InvalidInput("Name a draft, or give --sd.", pointer="/sd")
    if options["subjects"] is None and options["effect"] is None:
        raise InvalidInput("Give --subjects, --effect or both.", pointer="/effect")
    arms = given.pop("arms", 2)
    if arms < 2:
        raise InvalidInput("At least two arms, the control and a treatment.", pointer="/arms")
    names = {"cv": "cluster_size_cv", "explained": "variance_reduction"}
    design = Design(sd=given.pop("sd"), share_treatment=1 / arms, share_control=1 / arms, comparisons=arms - 1)
    return replace(design, **{names.get(name, name): value for name, value in given.items()})


def _of_draft(options: dict[str, Any]) -> tuple[Powered, int | None]:
    """Answer by the design that a draft's preview shows, for the treatment that needs most."""
    if extra := [name for name in GIVEN if options[name] is not None]:
        raise InvalidInput(f"A draft has its own --{extra[0]}.", pointer=f"/{extra[0]}")
    seen = preview_experiment(key=options["key"], acting_user=options["acting_user"]).sensitivity
    if isinstance(seen, Unknown):
        raise InvalidInput(f"Not known: {seen.why}.", pointer="/key")
    effect = seen.target if options["effect"] is None else options["effect"]
    subjects = seen.subjects if options["subjects"] is None else options["subjects"]
    answer = powered(seen.worst.design, subjects=subjects, effect=effect)
    return answer, seen.days_for(answer.needed)
