"""Made-up outcomes of synthetic runs, minute by minute, so that the demonstration goes on while somebody looks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid5

import numpy as np

from common.context import unit_of_work
from rollout.demo import ANSWERS_A_DAY, ATHLETES, NEW, Rates, rhythm_of
from rollout.gates.evidence import Arm
from rollout.gates.look import MINUTE
from rollout.lifecycle import EXPOSING
from rollout.models import OutcomeFact, OutcomeKind, Rollout
from rollout.runs import WHOLE, policy_of
from rollout.services.steps import ENGINE

MOST_ANSWERS: Final = 7
"""Answers of one run in a minute; with what is told later of them about ten facts."""
DECIDED: Final = 0.3
RATED: Final = 0.12


def feed(at: datetime) -> int:
    """Write a minute's outcomes of each synthetic run that exposes people; return how many, none of a minute twice.

    Which outcomes a minute has depends on the run and the minute alone, so that two callers write the same.
    """
    minute, number = at.replace(second=0, microsecond=0), 0
    with unit_of_work(ENGINE):
        exposing = [state.value for state in EXPOSING]
        runs = Rollout.objects.filter(synthetic=True, state__in=exposing, flag__killed_at=None)
        for run in runs:
            facts = _facts(run, minute)
            known = OutcomeFact.objects.filter(source_id__in=[fact.source_id for fact in facts])
            number += 0 if known.exists() else len(OutcomeFact.objects.bulk_create(facts, ignore_conflicts=True))
    return number


def _facts(run: Rollout, minute: datetime) -> list[OutcomeFact]:
    stage = policy_of(run).stages[run.stage]
    if not stage.has_traffic:
        return []
    draw = np.random.default_rng([int(minute.timestamp()), run.pk.int % 2**63])
    answers = min(int(draw.poisson(ANSWERS_A_DAY * rhythm_of(minute) * (MINUTE / timedelta(days=1)))), MOST_ANSWERS)
    found = []
    for number in range(answers):
        person = int(draw.integers(ATHLETES))
        # Who is in at a share stays in at a larger one, as with the flag itself.
        arm = Arm.NEW if person < ATHLETES * (stage.thousandths or 1000) / WHOLE else Arm.CONTROL
        common = {"rollout": run, "stage": run.stage, "arm": arm, "athlete_id": uuid5(run.pk, f"person {person}")}
        for kind, values in _outcomes(draw, NEW if arm is Arm.NEW else Rates()):
            source = uuid5(run.pk, f"{kind} {number} of {minute:%Y-%m-%dT%H:%M}")
            found.append(OutcomeFact(kind=kind, source_id=source, **common, **values))
    return found


def _outcomes(draw: np.random.Generator, rates: Rates) -> list[tuple[OutcomeKind, dict[str, Any]]]:
    """Return an answer, and with luck a decision and a rating of it."""
    failed = bool(draw.random() < rates.failed)
    answer = {
        "failed": failed,
        "fallback": failed and bool(draw.random() < rates.fallback / rates.failed),
        "invalid": bool(draw.random() < rates.invalid),
        "latency_ms": float(draw.lognormal(np.log(rates.median_ms), 0.38)),
        "cost_seconds": float(0.4 * draw.uniform(0.9, 1.1)),
    }
    found: list[tuple[OutcomeKind, dict[str, Any]]] = [(OutcomeKind.ANSWER, answer)]
    if draw.random() < DECIDED:
        found.append((OutcomeKind.DECISION, {"accepted": bool(draw.random() < rates.accepted)}))
    if draw.random() < RATED:
        rating = int(np.clip(np.round(draw.normal(rates.rating, 0.7)), 1, 5))
        found.append((OutcomeKind.RATING, {"rating": rating}))
    return found
