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
    """One type of event; `person` names the data to tokenise, `person_aggregate` says that its aggregate is one.

    version: which schema (`schemas/<name>/<version>.json`) events that are emitted now follow.
    """

    name: str
    data: frozenset[str]
    person: frozenset[str]
    person_aggregate: bool
    version: int = 1


EVENT_TYPES: Registry[EventType] = Registry("telemetry events")


def register(
    name: str,
    *,
    data: frozenset[str],
    person: frozenset[str] = frozenset(),
    person_aggregate: bool = False,
    version: int = 1,
) -> EventType:
    """Make an event type known; `person` names data to tokenise beyond the usual `PERSON_FIELDS`.

    A change that breaks readers is another type under another name; any other is a new `version` of the schema.

    Raises:
        ValueError: the type is registered with another shape, or `person` names no data.
    """
    if person - data:
        raise ValueError(f"{name}: {', '.join(sorted(person - data))} is not among its data")
    return EVENT_TYPES.register(name, EventType(name, data, data & (PERSON_FIELDS | person), person_aggregate, version))
