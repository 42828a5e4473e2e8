"""`python -m bench.assign_peers ours|growthbook BATCHES`: decisions a second, as JSON; null where it is not installed.

Both are asked from memory for one experiment of four equal variants with targeting, a slice of a layer (GrowthBook: a
namespace) and 80 % of traffic. Ours also holds 5 % out, asks consent, state and bounds, and draws the blocks of 12
strata as people arrive: a batch is whole blocks, so that their cost is in it. GrowthBook decides by one hash and gets
an object a person, as its documents say, made beforehand.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from statistics import median

PEOPLE, BATCH = 4_800, 480
VARIANTS = ("advanced", "auto", "choice", "simplified")
TIERS = ("elite", "premium")
Decide = Callable[[int], str | None]
"""Answer the variant of the n-th of `PEOPLE`."""


def people() -> Iterator[dict[str, str]]:
    """Return ids and attributes; the strata take turns."""
    sports, levels = ("running", "cycling", "triathlon", "strength"), ("beginner", "intermediate", "elite")
    for n in range(PEOPLE):
        one = f"01955c3a-0000-7000-8000-{n * 2654435761 % 2**40:012x}"
        yield {"id": one, "tier": TIERS[n % 2], "sport": sports[n % 4], "level": levels[n // 4 % 3]}


def ours() -> Decide:
    """Our `decide`, the whole order down to the variant; every pass over the people is new arrivals."""
    from experiments.assignment import Subject, decide
    from experiments.lifecycle import State
    from experiments.reading import read_configuration

    document = {
        "key": "plan-pipeline",
        "phase": 1,
        "variant_weights": dict.fromkeys(VARIANTS, 25),
        "stratification_keys": ["sport", "level"],
        "holdout_percentage": 5,
        "traffic_percentage": 80,
        "targeting": {"tier": list(TIERS)},
        "layer": {"key": "generation", "from": 0, "to": 90},
        "start_at": "2026-01-01T00:00:00+00:00",
        "end_at": "2026-12-01T00:00:00+00:00",
    }
    configuration = read_configuration(document, state=State.RUNNING)
    subjects = [Subject(one["id"], one) for one in people()]
    at, arrived = datetime(2026, 3, 1, tzinfo=UTC), count()

    def one(n: int) -> str | None:
        return decide(configuration, subjects[n], at=at, consented=True, number=next(arrived) // 12).variant

    return one


def growthbook() -> Decide:
    """GrowthBook's client with the features in memory and nothing to track to."""
    from growthbook import GrowthBook

    rule = {
        "key": "plan-pipeline",
        "condition": {"tier": {"$in": list(TIERS)}},
        "hashAttribute": "id",
        "hashVersion": 2,
        "namespace": ["generation", 0, 0.9],
        "coverage": 0.8,
        "weights": [0.25] * 4,
        "variations": list(VARIANTS),
    }
    features = {"plan-pipeline": {"defaultValue": None, "rules": [rule]}}
    clients = [GrowthBook(attributes=one, features=features) for one in people()]
    return lambda n: clients[n].eval_feature("plan-pipeline").value


def main() -> None:
    logging.disable(logging.CRITICAL)
    try:
        decide = {"ours": ours, "growthbook": growthbook}[sys.argv[1]]()
    except ModuleNotFoundError:
        print("null")
        os._exit(0)
    answers = Counter(map(decide, range(PEOPLE)))
    assert answers.keys() == {None, *VARIANTS}, answers
    assert all(0.13 < answers[one] / PEOPLE < 0.22 for one in VARIANTS), answers
    times = []
    for number in range(int(sys.argv[2])):
        first = number * BATCH % PEOPLE
        started = time.perf_counter()
        for n in range(first, first + BATCH):
            decide(n)
        times.append((time.perf_counter() - started) / BATCH)
    print(json.dumps(1 / median(times)), flush=True)
    os._exit(0)  # clients leave threads of theirs behind


if __name__ == "__main__":
    main()
