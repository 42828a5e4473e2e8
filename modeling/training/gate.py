"""The gate: what must hold before a candidate may be proposed as an experiment's variant. A person decides after it.

It errs towards no: what cannot be shown is refused. With nothing to find a candidate passes only where some part is
better by chance, and all parts together are allowed `CHANCE` of that, whatever the groups do: their floor only refuses.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from common.stats.binomial import upper_bound
from modeling.training.evaluation import CALIBRATION, HOLDS, LOG_LOSS, NEXT_TEST
from modeling.training.intervals import at_level
from modeling.training.verdict import EVERYBODY, Check, Figure, Verdict

PARTS: Final = {"priors": NEXT_TEST, "overrides": LOG_LOSS, "adherence": LOG_LOSS}
"""Each part's measure, on which it is judged."""
LEAST_UNITS: Final = {"priors": 30, "overrides": 8, "adherence": 30}
"""Held-out athletes (coaches, for what coaches do) below which an interval is not to be trusted."""
LEAST_GROUP: Final = {"priors": 20, "overrides": 8, "adherence": 20}
CHANCE: Final = 0.04
GROUP_CHANCE: Final = 0.10
MARGIN: Final = 0.02
"""Of the champion's measure: a part may not be worse by more, with the interval's end."""
GROUP_MARGIN: Final = 0.05
COVERAGE_MARGIN: Final = 3.0
"""Percentage points below the stated share of intervals."""
CALIBRATION_MARGIN: Final = 0.02


@dataclass(frozen=True)
class Facts:
    """What the gate is told beside the figures.

    data_sha256, again_sha256: of the feature store before and after; None where it could not be read again. leaks: in
    words. learned_from: tokens of the athletes with a row in the training set. consented: tokens whose consent stands,
    None where nobody says. changed: parts in which the candidate differs from the champion. violations: what the
    candidate's plans broke, None where nobody looked.
    """

    data_sha256: str
    again_sha256: str | None
    leaks: Sequence[str]
    learned_from: Set[str]
    consented: Set[str] | None
    changed: Set[str]
    violations: Sequence[str] | None


def judge(facts: Facts, figures: Sequence[Figure]) -> Verdict:
    """Return the verdict, every check with its reason in words."""
    mains = {one.part: one for one in figures if one.group == EVERYBODY and PARTS.get(one.part) == one.metric}
    changed = [part for part in PARTS if part in facts.changed]
    return Verdict(
        (
            _data(facts),
            _leak(facts),
            _consent(facts),
            _evidence(changed, mains),
            _no_worse(changed, mains),
            _better(changed, mains),
            _groups(changed, figures),
            _calibration(changed, figures),
            _safety(facts),
        )
    )


def _data(facts: Facts) -> Check:
    if not facts.data_sha256:
        return Check("data", False, "The data has no hash.")
    if facts.again_sha256 != facts.data_sha256:
        return Check("data", False, "The data changed while it was learned from: read again, its hash is another.")
    return Check("data", True, f"The data read again is the same ({facts.data_sha256[:12]}…).")


def _leak(facts: Facts) -> Check:
    if facts.leaks:
        return Check("leak", False, f"Features knew the future: {'; '.join(facts.leaks)}.")
    return Check("leak", True, "No feature is newer than the decision that it explains.")


def _consent(facts: Facts) -> Check:
    if facts.consented is None:
        return Check("consent", False, "Nobody says whose consent to training stands.")
    missing = len(facts.learned_from - facts.consented)
    if missing:
        return Check("consent", False, f"{_count(missing, 'athlete')} in the data without consent to training.")
    return Check("consent", True, f"The consent of all {len(facts.learned_from)} athletes stands.")


def _evidence(changed: Sequence[str], mains: dict[str, Figure]) -> Check:
    if not changed:
        return Check("evidence", False, "Nothing new was learned: the candidate is the champion.")
    thin = []
    for part in changed:
        units = mains[part].units if part in mains else 0
        if units < LEAST_UNITS[part] or mains[part].high is None:
            thin.append(f"{part}: {units} held out, {LEAST_UNITS[part]} are needed")
    if thin:
        return Check("evidence", False, f"Too few to judge by: {'; '.join(thin)}.")
    told = ", ".join(f"{part} on {mains[part].units}" for part in changed)
    return Check("evidence", True, f"Enough held-out athletes or coaches: {told}.")


def _no_worse(changed: Sequence[str], mains: dict[str, Figure]) -> Check:
    worse = []
    for part in changed:
        one = mains.get(part)
        if one is None or one.high is None or not one.champion:
            worse.append(f"{part}: cannot be said")
        elif one.high > MARGIN * one.champion:
            worse.append(f"{part}: {one.metric} {_difference(one)}, at most {MARGIN * one.champion:+.4f} is allowed")
    if worse:
        return Check("no worse", False, f"Not shown to be as good as the champion: {'; '.join(worse)}.")
    return Check("no worse", True, f"No part is worse than the champion by more than {MARGIN:.0%}.")


def _better(changed: Sequence[str], mains: dict[str, Figure]) -> Check:
    """At least one part is better; the level is shared by all parts that could be, learned or not."""
    found = []
    for one in (mains[part] for part in changed if part in mains):
        if one.candidate is None or one.champion is None or one.high is None:
            continue
        value = one.candidate - one.champion
        if value + at_level(value, one.high, one.units, CHANCE / len(PARTS)) < 0.0:
            found.append(f"{one.part}: {one.metric} {_difference(one)}")
    if not found:
        return Check("better", False, "Nothing is better than the champion beyond chance: not proposed.")
    return Check("better", True, f"Better beyond chance: {'; '.join(found)}.")


def _groups(changed: Sequence[str], figures: Sequence[Figure]) -> Check:
    """No group is demonstrably worse by more than the margin; Bonferroni over the groups that are looked at."""
    looked = [
        one
        for one in figures
        if one.part in changed
        and one.group != EVERYBODY
        and one.metric == PARTS[one.part]
        and one.units >= LEAST_GROUP[one.part]
    ]
    worse = []
    for one in looked:
        if one.candidate is None or one.champion is None or one.high is None:
            continue
        value = one.candidate - one.champion
        reach = at_level(value, one.high, one.units, GROUP_CHANCE / len(looked))
        if value > GROUP_MARGIN * one.champion and value - reach > 0.0:
            worse.append(f"{one.group}: {one.metric} {_difference(one)}")
    if worse:
        return Check("groups", False, f"Worse for some: {'; '.join(worse)}.")
    return Check(
        "groups", True, f"No group is shown to be worse by more than {GROUP_MARGIN:.0%} ({len(looked)} looked at)."
    )


def _calibration(changed: Sequence[str], figures: Sequence[Figure]) -> Check:
    wrong = []
    for one in figures:
        if one.part not in changed or one.group != EVERYBODY or one.candidate is None or one.baseline is None:
            continue
        if one.metric in HOLDS.values() and one.units:
            hits = round(one.candidate / 100.0 * one.units)
            low = 100.0 * upper_bound(hits, one.units, 0.025) < one.baseline - COVERAGE_MARGIN
            if low and one.candidate < (one.champion or 0.0):
                wrong.append(f"{one.part}: the {one.metric} {one.candidate:.0f} % of the tests")
        elif one.metric == CALIBRATION and one.candidate > 2.0 * one.baseline + CALIBRATION_MARGIN:
            told = f"{one.candidate:.3f}, by chance {one.baseline:.3f}"
            wrong.append(f"{one.part}: probabilities are off by {told}")
    if wrong:
        return Check("calibration", False, f"Says too much: {'; '.join(wrong)}.")
    return Check("calibration", True, "Intervals and probabilities hold what they say.")


def _safety(facts: Facts) -> Check:
    if facts.violations is None:
        return Check("safety", False, "Nobody looked at the candidate's plans.")
    if facts.violations:
        first = "; ".join(list(facts.violations)[:3])
        return Check(
            "safety", False, f"{_count(len(facts.violations), 'guard')} broken by the candidate's plans: {first}."
        )
    return Check("safety", True, "The candidate's plans break no guard.")


def _difference(one: Figure) -> str:
    value = (one.candidate or 0.0) - (one.champion or 0.0)
    return f"{value:+.4f} ({one.low:+.4f} to {one.high:+.4f})"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
