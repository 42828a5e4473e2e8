"""Did the arms get the subjects that they should; where they did not, where it comes from. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from common.stats.srm import SplitProcess
from experiments.analysis import Arrivals, SampleRatio
from experiments.analysis.split import ALPHA, PRIOR_SUBJECTS, WHOLE
from experiments.judging import split_of
from experiments.looks import Look
from experiments.report.model import Balance, Evidence, Facts, Slice
from experiments.report.words import stratum as stratum_text


def sample_ratio_of(facts: Facts, looks: Sequence[Look]) -> SampleRatio:
    """Judge the sample ratio, overall and in each stratum that was named.

    Where a stratum was not named none is judged, and the whole at the level that it has beside strata.
    """
    if not facts.strata or _are_named(facts, looks):
        return split_of(looks, strata=facts.strata)
    return split_of(looks, strata=(), alpha=ALPHA * WHOLE)


def balance_of(facts: Facts, looks: Sequence[Look], ratio: SampleRatio, day_of: Callable[[datetime], int]) -> Balance:
    """Tell the sample ratio by look, stratum and phase; day_of: the experiment's day at a moment."""
    named = facts.strata if _are_named(facts, looks) else ()
    of_whole = ALPHA * WHOLE if facts.strata else ALPHA
    of_stratum = ALPHA * (1 - WHOLE) / len(named) if named else 0.0
    arrivals = [each for look in looks for each in look.arrivals]
    alarmed = _alarmed_look(looks, ratio.alarmed_at)
    last = looks[-1]
    return Balance(
        mismatch=ratio.mismatch,
        e_value=ratio.e_value,
        alarm_at=1 / of_whole,
        alarmed=alarmed.as_of if alarmed else None,
        alarmed_day=day_of(alarmed.as_of) if alarmed else None,
        why=ratio.why,
        series=_series(looks, day_of),
        whole=_slice("All subjects", arrivals, of_whole),
        strata=_slices(_by_stratum(arrivals), of_stratum),
        phases=_slices(_by_phase(facts, arrivals), 0.0),
        unexposed={name: max(last.assigned.get(name, 0) - last.exposed.get(name, 0), 0) for name in last.assigned},
    )


def _are_named(facts: Facts, looks: Sequence[Look]) -> bool:
    return bool(facts.strata) and all(each.stratum in facts.strata for look in looks for each in look.arrivals)


def _alarmed_look(looks: Sequence[Look], alarmed_at: int | None) -> Look | None:
    """Return the look that holds the arrivals of an index over all looks."""
    if alarmed_at is None:
        return None
    seen = 0
    for look in looks:
        seen += len(look.arrivals)
        if alarmed_at < seen:
            return look
    return None


def _series(looks: Sequence[Look], day_of: Callable[[datetime], int]) -> tuple[Evidence, ...]:
    process, variants = SplitProcess(PRIOR_SUBJECTS), _variants([each for look in looks for each in look.arrivals])
    found = []
    for look in looks:
        for each in look.arrivals:
            _observe(process, each, variants)
        found.append(Evidence(look.as_of, day_of(look.as_of), process.log_e))
    return tuple(found)


def _by_stratum(arrivals: Sequence[Arrivals]) -> dict[str, list[Arrivals]]:
    found: dict[str, list[Arrivals]] = {}
    for each in arrivals:
        found.setdefault(stratum_text(each.stratum), []).append(each)
    return found if len(found) > 1 else {}


def _by_phase(facts: Facts, arrivals: Sequence[Arrivals]) -> dict[str, list[Arrivals]]:
    """Group by weights: arrivals do not say their phase, and phases of the same weights expect the same."""
    names: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for number, weights in sorted(facts.weights.items()):
        names.setdefault(_key(weights), []).append(str(number))
    found: dict[str, list[Arrivals]] = {}
    for each in arrivals:
        numbers = names.get(_key(each.weights), ["?"])
        name = f"Phases {', '.join(numbers)}" if len(numbers) > 1 else f"Phase {numbers[0]}"
        found.setdefault(name, []).append(each)
    return found if len(names) > 1 else {}


def _key(weights: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(weights.items()))


def _slices(groups: Mapping[str, Sequence[Arrivals]], alpha: float) -> tuple[Slice, ...]:
    found = [_slice(name, arrivals, alpha) for name, arrivals in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.e_value, one.name)))


def _slice(name: str, arrivals: Sequence[Arrivals], alpha: float) -> Slice:
    """Judge a part by itself; at an alpha of 0 it is shown and never alarms."""
    process, variants = SplitProcess(PRIOR_SUBJECTS), _variants(arrivals)
    observed, expected = dict.fromkeys(variants, 0), dict.fromkeys(variants, 0.0)
    for each in arrivals:
        _observe(process, each, variants)
        total, of_all = sum(each.counts.values()), sum(each.weights.values())
        for variant in variants:
            observed[variant] += each.counts.get(variant, 0)
            expected[variant] += total * each.weights.get(variant, 0.0) / of_all
    short = max(variants, key=lambda variant: expected[variant] - observed[variant], default="")
    missing = expected[short] - observed[short] if short else 0.0
    alarms = alpha > 0 and process.mismatch(alpha)
    return Slice(name, observed, expected, short, missing, math.exp(process.highest_log_e), alarms)


def _variants(arrivals: Sequence[Arrivals]) -> list[str]:
    return sorted({name for each in arrivals for name in (*each.weights, *each.counts)})


def _observe(process: SplitProcess, each: Arrivals, variants: Sequence[str]) -> None:
    process.observe([each.counts.get(v, 0) for v in variants], [each.weights.get(v, 0.0) for v in variants])
