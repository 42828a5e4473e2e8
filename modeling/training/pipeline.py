"""A training run: read, learn, evaluate, judge. Deterministic for a store, a moment and a seed. Pure.

No part is judged by what it was learned from: athletes are held out by the hash of their tokens, decisions of coaches
also by time. A part that cannot be learned stays the champion's, byte for byte, where the champion's document is given,
and is left out otherwise; a part that is the champion's own is not judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from modeling.learned.algorithm import FORMAT, LearnedAlgorithm, read_algorithm
from modeling.learned.context import FEATURES_VERSION
from modeling.learned.priors import LEARNED
from modeling.training import gate, habits
from modeling.training import priors as learner
from modeling.training.evaluation import prior_figures, probability_figures
from modeling.training.histories import History, Store, histories, sampled
from modeling.training.verdict import Figure, Trained

Progress = Callable[[str, int, int], None]
Safety = Callable[[LearnedAlgorithm], Sequence[str]]

MOST_JUDGED: Final = 1500
"""Held-out athletes whose next tests are predicted; a standard error of 0.02 points, with 0.8 between athletes."""
PARTS: Final = ("priors", "overrides", "adherence")


class TooLittle(Exception):
    """There is nothing to learn from yet; says what is missing."""


class TrainingStore(Store, Protocol):
    """The feature store, as a run uses it (`modeling.training.store.FeatureStore`)."""

    def data_sha256(self) -> str:
        """Return the hash over all files."""
        ...

    def verify(self) -> None:
        """Read every file again and compare it with its hash."""
        ...

    def consented(self) -> Set[str]:
        """Return the tokens of the athletes whose consent to training stands."""
        ...


@dataclass(frozen=True)
class _Learned:
    """What was read and learned. parts: of the document; changed: those that are not the champion's."""

    people: list[History]
    training: Any
    test: Any
    parts: dict[str, Any]
    changed: frozenset[str]


def train(
    store: TrainingStore,
    *,
    as_of: datetime,
    champion: LearnedAlgorithm,
    heuristics: Sequence[Any] = (),
    safety: Safety | None = None,
    champion_document: Mapping[str, Any] | None = None,
    consented: Callable[[], Set[str]] | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    learners: habits.Learners | None = None,
) -> Trained:
    """Learn a candidate from what was known at a moment, and judge it against the champion.

    Args:
        heuristics: conditions that become features (`modeling.learned.heuristics`).
        safety: plans for a panel of athletes by an algorithm → what they break, in words; without it nothing passes.
        champion_document: whose parts stay where none is learned.
        consented: whose consent stands now; by default what the store says of the moment of its export.
        progress: step ("features", "train", "evaluate", "gate"), done, of how many.
        learners: of habits; by default the real ones.

    Raises:
        TooLittle: no part can be learned.
        StoreError: a file of the store is missing or damaged.
    """
    told: Progress = progress or (lambda step, done, total: None)
    using = learners or habits.learners()
    before = store.data_sha256()
    learned = _learn(store, as_of, champion, champion_document, heuristics, using, told)
    document = _document(learned, as_of, champion.name, heuristics)
    candidate = read_algorithm("candidate", document)
    figures = _evaluate(learned, candidate, champion, using, seed, told)
    told("gate", 0, 1)
    violations = tuple(safety(candidate)) if safety else None
    facts = _facts(store, before, learned, using, consented() if consented else store.consented(), violations)
    verdict = gate.judge(facts, figures)
    told("gate", 1, 1)
    tests = sum(len(one.tests) for one in learned.people)
    rows = {"athletes": len(facts.learned_from), "tests": tests, "sessions": len(learned.training)}
    return Trained(document, before, figures, verdict, rows, _parameters(seed, learned))


def _learn(
    store: TrainingStore,
    as_of: datetime,
    champion: LearnedAlgorithm,
    champion_document: Mapping[str, Any] | None,
    heuristics: Sequence[Any],
    using: habits.Learners,
    told: Progress,
) -> _Learned:
    told("features", 0, 2)
    people = histories(store, as_of=as_of, least_tests=learner.LEAST_TESTS)
    told("features", 1, 2)
    training = using.training_set(store, as_of=as_of, heuristics=heuristics)
    told("features", 2, 2)
    earlier, test = using.split(training)
    found: dict[str, Any] = {}
    fits: dict[str, Callable[[], Any]] = {
        "priors": lambda: learner.fit_histories(people),
        "overrides": lambda: using.fit_overrides(earlier),
        "adherence": lambda: using.fit_adherence(earlier),
    }
    for done, part in enumerate(PARTS):
        told("train", done, len(PARTS))
        found[part] = fits[part]()
    told("train", len(PARTS), len(PARTS))
    if not any(found.values()):
        raise TooLittle(
            f"{len(people)} athletes with {learner.LEAST_TESTS} tests or more, and {len(training)} sessions that a "
            "coach looked at, are too little for any part of a model. Priors want about "
            f"{learner.LEAST_ATHLETES / learner.LEARN_BELOW:.0f} such athletes of a sport; what coaches change and "
            f"athletes complete want {habits.LEAST_SESSIONS} sessions of plans that coaches submitted."
        )
    kept = {part: (champion_document or {}).get(part) for part in PARTS}
    parts = {part: found[part] if found[part] is not None else kept[part] for part in PARTS}
    return _Learned(people, training, test, parts, frozenset(_changed(parts, kept, champion)))


def _document(learned: _Learned, as_of: datetime, parent: str, heuristics: Sequence[Any]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "features": FEATURES_VERSION,
        "trained_as_of": f"{as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "parent": parent,
        **learned.parts,
        "heuristics": [habits.described(one) for one in heuristics],
    }


def _facts(
    store: TrainingStore,
    before: str,
    learned: _Learned,
    using: habits.Learners,
    consented: Set[str],
    violations: tuple[str, ...] | None,
) -> gate.Facts:
    return gate.Facts(
        data_sha256=before,
        again_sha256=_again(store),
        leaks=tuple(using.leak_check(learned.training)) if len(learned.training) else (),
        learned_from={one.athlete for one in learned.people} | habits.athletes_of(learned.training),
        consented=consented,
        changed=learned.changed,
        violations=violations,
    )


def _changed(parts: Mapping[str, Any], kept: Mapping[str, Any], champion: LearnedAlgorithm) -> list[str]:
    """Return the parts in which candidate and champion may answer differently."""
    changed = []
    for part in PARTS:
        has = getattr(champion, part) is not None
        says = parts[part] is not None and (part != "priors" or _says_something(parts[part]))
        if (says or has) and not (has and parts[part] is not None and parts[part] == kept[part]):
            changed.append(part)
    return changed


def _says_something(priors: Mapping[str, Any]) -> bool:
    return any(row["source"] == LEARNED for row in (*priors["pooled"], *priors["groups"]))


def _evaluate(
    learned: _Learned,
    candidate: LearnedAlgorithm,
    champion: LearnedAlgorithm,
    using: habits.Learners,
    seed: int,
    told: Progress,
) -> tuple[Figure, ...]:
    told("evaluate", 0, len(PARTS))
    judged = sampled([one for one in learned.people if learner.held_out(one.athlete)], MOST_JUDGED, "judged")
    figures = prior_figures(judged, candidate, champion, seed=seed)
    for done, (part, cases) in enumerate(
        (("overrides", using.override_cases), ("adherence", using.adherence_cases)), 1
    ):
        told("evaluate", done, len(PARTS))
        ours, theirs = getattr(candidate, part), getattr(champion, part)
        if len(learned.test) and (ours is not None or theirs is not None):
            figures += probability_figures(cases(learned.test, ours, theirs), seed=seed)
    told("evaluate", len(PARTS), len(PARTS))
    return figures


def _again(store: TrainingStore) -> str | None:
    """Return the hash of what the files hold now, None where they are no longer what the manifest says."""
    try:
        store.verify()
    except Exception:
        return None
    return store.data_sha256()


def _parameters(seed: int, learned: _Learned) -> dict[str, Any]:
    return {
        "seed": seed,
        "changed": sorted(learned.changed),
        "priors": {
            "least_tests": learner.LEAST_TESTS,
            "least_athletes": learner.LEAST_ATHLETES,
            "most_a_group": learner.MOST_GROUP,
            "most_a_sport": learner.MOST_POOLED,
        },
        "gate": {"margin": gate.MARGIN, "group_margin": gate.GROUP_MARGIN, "chance": gate.CHANCE},
    }
