"""What a telemetry event is: every type is registered with the names that its data may carry."""

from __future__ import annotations

from dataclasses import dataclass

from common.registries import Registry

# Data under these names identifies a person; it leaves as a keyed token, whoever registers the event.
PERSON_FIELDS = frozenset(
    {
        "actor",
        "actor_id",
        "athlete",
        "athlete_id",
        "coach",
        "coach_id",
        "owner_id",
        "requested_by_id",
        "subject_id",
        "user",
        "user_id",
    }
)


@dataclass(frozen=True)
class EventType:
    """One type of event; `person` names the data to tokenise, `person_aggregate` says that its aggregate is one."""

    name: str
    data: frozenset[str]
    person: frozenset[str]
    person_aggregate: bool


EVENT_TYPES: Registry[EventType] = Registry("telemetry events")


def register(
    name: str, *, data: frozenset[str], person: frozenset[str] = frozenset(), person_aggregate: bool = False
) -> EventType:
    """Make an event type known; `person` names data to tokenise beyond the usual `PERSON_FIELDS`.

    Raises:
        ValueError: the type is registered with another shape, or `person` names no data.
    """
    if person - data:
        raise ValueError(f"{name}: {', '.join(sorted(person - data))} is not among its data")
    return EVENT_TYPES.register(name, EventType(name, data, data & (PERSON_FIELDS | person), person_aggregate))
