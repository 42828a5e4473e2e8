"""The order of an assignment (C1 to C3), pure over plain data, each answer with its reason.

consent → state and bounds → targeting → holdout → layer → traffic → stratum → variant. Above it stand tier, flag and
the athlete's own setting (requirements, "Order of decisions"); who has not consented is not even hashed.

The variant follows from the place in the stratum, not from the subject's hash: over 240 athletes in 12 strata and 3
arms hashing let one arm run 17 ahead. So whoever stores assignments counts the arrivals of each stratum: first
`screen`, then a number for who is `Eligible` and for nobody else, then `place`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlencode

from common.errors import InvalidInput
from experiments.blocks import arrangement
from experiments.configuration import Configuration
from experiments.fields import VALUES, Fields, invalid, is_value
from experiments.hashing import Buckets, buckets_of, murmur3
from experiments.lifecycle import State


class Reason(StrEnum):
    ASSIGNED = "assigned"
    NOT_CONSENTED = "not_consented"
    ENDED = "ended"
    NOT_STARTED = "not_started"
    PAUSED = "paused"
    NOT_TARGETED = "not_targeted"
    HOLDOUT = "holdout"
    EXCLUDED_BY_LAYER = "excluded_by_layer"
    NOT_IN_TRAFFIC = "not_in_traffic"
    NOT_ON_ROSTER = "not_on_roster"  # of a closed roster, after its ranks were given


# On the path of every decision; Python 3.11 takes 0.1 µs to find a member of an enumeration.
_ASSIGNED: Final = Reason.ASSIGNED
_RUNNING: Final = State.RUNNING


REASONS: Final = [(reason.value, reason.value.replace("_", " ").capitalize()) for reason in Reason]


class Subject(NamedTuple):
    """Whom an assignment is about: the athlete, also when a coach asks. Attributes as our own records hold them."""

    id: str
    attributes: Mapping[str, str]


class Eligible(NamedTuple):
    """Nothing speaks against this subject, who now needs a number in the stratum."""

    buckets: Buckets
    stratum: str


class Assignment(NamedTuple):
    """The answer, and why. (A tuple is made six times as fast as a frozen dataclass.)

    buckets: the subject's places, None where they were not asked for. stratum, number, block: where the variant comes
    from, None without one. propensity: chance of the variant among the candidates for who is eligible, not held out.
    """

    variant: str | None
    reason: Reason
    experiment: str
    phase: int
    version: str
    buckets: Buckets | None = None
    stratum: str | None = None
    number: int | None = None
    block: int | None = None
    propensity: float | None = None
    candidates: tuple[tuple[str, float], ...] = ()

    @property
    def is_holdout(self) -> bool:
        return self.reason is Reason.HOLDOUT

    @property
    def bucket(self) -> int | None:
        """The place for the variant's salt, 0…99 999."""
        return self.buckets.variant if self.buckets else None


def decide(
    configuration: Configuration, subject: Subject, *, at: datetime, consented: bool, number: int | None = None
) -> Assignment:
    """Decide for a subject at a moment.

    Args:
        at: aware.
        consented: whether the athlete's consent to experiments holds at that moment.
        number: the subject's place in the stratum, from 0: the order of arrival, or the rank of a closed roster.

    Raises:
        InvalidInput: no subject, an attribute of the strata is missing, or a number is needed and not there.
    """
    found = _screened(configuration, subject, at, consented)
    return found if isinstance(found, Assignment) else place(configuration, found, number)


def standing(configuration: Configuration, *, at: datetime, consented: bool) -> Reason | None:
    """Return why nobody, or not this one, gets a new assignment now; None where nothing stands against it.

    A stored assignment still holds for None and for `PAUSED`, and for no other answer.
    """
    if not consented:
        return Reason.NOT_CONSENTED
    state, end_at = configuration.state, configuration.end_at
    ended = end_at is not None and at >= end_at
    begun = at >= configuration.start_at
    if state is _RUNNING and begun and not ended:
        return None
    if ended or state is State.COMPLETE:
        return Reason.ENDED
    return Reason.PAUSED if begun and state is State.PAUSED else Reason.NOT_STARTED


def screen(configuration: Configuration, subject: Subject, *, at: datetime, consented: bool) -> Assignment | Eligible:
    """Decide all but the variant: the refusal, or what the subject needs to be placed.

    Raises:
        InvalidInput: no subject, or an attribute of the strata is missing.
    """
    found = _screened(configuration, subject, at, consented)
    return found if isinstance(found, Assignment) else Eligible(*found)


def place(configuration: Configuration, eligible: tuple[Buckets, str], number: int | None) -> Assignment:
    """Give an eligible subject the variant at a place of the stratum.

    Raises:
        InvalidInput: no number in a stream, or none from 0 up.
    """
    buckets, stratum = eligible
    if number is None and configuration.closed:
        return _refused(configuration, Reason.NOT_ON_ROSTER, buckets)
    if type(number) is not int or number < 0:
        raise InvalidInput(f"number: found {number!r:.60}, allowed a whole number from 0", pointer="/number")
    design = configuration.design
    size = design.size
    block = number // size
    arm = arrangement(design, configuration.salts.variant, stratum, block)[number % size]
    variant, propensity = configuration.arms[arm]
    return Assignment(
        variant,
        _ASSIGNED,
        configuration.key,
        configuration.phase,
        configuration.version,
        buckets,
        stratum,
        number,
        block,
        propensity,
        configuration.candidates,
    )


def assign_roster(
    configuration: Configuration, subjects: Iterable[Subject], *, at: datetime, consented: Container[str]
) -> dict[str, Assignment]:
    """Assign a closed roster whole, whatever its order: the eligible of each stratum are ranked by hash.

    Args:
        consented: ids of those whose consent holds.

    Returns:
        The answer of each subject by id; its `number` is the rank, to be stored.

    Raises:
        InvalidInput: as `screen`; of the first such subject.
        ValueError: the configuration's roster is open.
    """
    if not configuration.closed:
        raise ValueError("only a closed roster is ranked")
    answers: dict[str, Assignment] = {}
    strata: dict[str, dict[str, Eligible]] = defaultdict(dict)
    for subject in subjects:
        found = screen(configuration, subject, at=at, consented=subject.id in consented)
        if isinstance(found, Eligible):
            strata[found.stratum][subject.id] = found
        else:
            answers[subject.id] = found
    salt = configuration.salts.variant
    for members in strata.values():
        ranked = sorted(members, key=lambda subject_id: (murmur3(subject_id, salt), subject_id))
        answers.update((one, place(configuration, members[one], rank)) for rank, one in enumerate(ranked))
    return answers


def stratum_of(configuration: Configuration, attributes: Mapping[str, str]) -> str:
    """Return the name of a subject's stratum, such as `level=elite&sport=running`; empty where there are no strata.

    Raises:
        InvalidInput: attributes are missing or no texts; every one is named.
    """
    keys = configuration.strata
    values = tuple(map(attributes.get, keys))
    try:
        return _named(keys, values)
    except TypeError:
        raise _no_texts(attributes, keys, "the experiment is stratified by it") from None


@lru_cache(maxsize=1 << 14)
def _named(keys: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """Checked here alone, once for each stratum: what is no text raises and is not kept."""
    if not all(map(is_value, values)):
        raise TypeError
    return urlencode(list(zip(keys, values, strict=True)))


def _no_texts(attributes: Mapping[str, object], names: Iterable[str], why: str) -> InvalidInput:
    """Return what to raise about those of the attributes that are no texts."""
    errors: list[dict[str, str]] = []
    fields = Fields("/attributes", attributes, errors)
    for name in names:
        if not is_value(attributes.get(name)):
            fields.wrong(name, attributes.get(name), f"{VALUES}: {why}")
    return invalid(errors)


def _screened(
    configuration: Configuration, subject: Subject, at: datetime, consented: bool
) -> Assignment | tuple[Buckets, str]:
    """Screen without making an `Eligible`, which would be a tenth of a decision."""
    subject_id, attributes = subject
    if not subject_id:
        raise InvalidInput("subject_id: found nothing, allowed an athlete's id", pointer="/subject_id")
    against = standing(configuration, at=at, consented=consented)
    if against is not None:
        return _refused(configuration, against)
    try:
        for name, values in configuration.targeting:
            if attributes.get(name) not in values:
                return _refused(configuration, Reason.NOT_TARGETED)
    except TypeError:  # a list or an object, which no set can hold
        raise _no_texts(attributes, (name,), "the experiment asks for it") from None
    buckets = buckets_of(subject_id, configuration.salts)
    if buckets.holdout < configuration.holdout:
        return _refused(configuration, Reason.HOLDOUT, buckets)
    part = configuration.slice
    if part is not None and not part.start <= buckets.layer < part.stop:
        return _refused(configuration, Reason.EXCLUDED_BY_LAYER, buckets)
    if buckets.traffic >= configuration.traffic:
        return _refused(configuration, Reason.NOT_IN_TRAFFIC, buckets)
    return buckets, stratum_of(configuration, attributes)


def _refused(configuration: Configuration, reason: Reason, buckets: Buckets | None = None) -> Assignment:
    return Assignment(None, reason, configuration.key, configuration.phase, configuration.version, buckets)
