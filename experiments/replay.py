"""Does a stored assignment follow from what it was made of? Recomputed from its record alone, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from common.errors import InvalidInput
from experiments.assignment import Assignment, Subject, decide
from experiments.configuration import Configuration
from experiments.fields import Fields, is_value, raise_all
from experiments.lifecycle import State
from experiments.reading import read_configuration

_ABSENT: Final = "(not there)"


class Difference(NamedTuple):
    """A part of the answer that is not what it should be."""

    field: str
    recorded: Any
    recomputed: Any


class Replay(NamedTuple):
    """What the record says it should say; nothing differs where it holds."""

    assignment: Assignment
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        return not self.differences


def record_of(
    configuration: Configuration, subject: Subject, assignment: Assignment, *, at: datetime, consented: bool
) -> dict[str, Any]:
    """Return all that a replay needs, as plain JSON: what was decided by and, in `answer`, what was decided.

    Of the attributes only those that the decision looked at. `configuration` is the same for all of a version: store it
    once and put it back before the replay.
    """
    looked_at = {name: subject.attributes[name] for name in configuration.attributes if name in subject.attributes}
    return {
        "configuration": configuration.as_json(),
        "state": configuration.state.value,
        "subject_id": subject.id,
        "attributes": looked_at if consented else {},
        "at": at.astimezone(UTC).isoformat(),
        "consented": consented,
        "number": assignment.number,
        "answer": answer_of(assignment),
    }


def answer_of(assignment: Assignment) -> dict[str, Any]:
    """Return an assignment as plain JSON."""
    plain = assignment._asdict()
    plain["reason"] = assignment.reason.value
    plain["buckets"] = assignment.buckets and assignment.buckets._asdict()
    plain["candidates"] = dict(assignment.candidates)
    return plain


def replay(record: Mapping[str, Any]) -> Replay:
    """Decide again from a record that `record_of` made, and name each part of its answer that differs.

    Raises:
        InvalidInput: the record is not such a one; each mistake points at its field.
    """
    errors: list[dict[str, str]] = []
    fields = Fields("", record, errors)
    state = fields.choice("state", [one.value for one in State])
    at = fields.moment("at", required=True)
    subject_id, consented, attributes = record.get("subject_id"), record.get("consented"), record.get("attributes")
    answer = record.get("answer")
    for name, right in (
        ("subject_id", is_value(subject_id)),
        ("consented", isinstance(consented, bool)),
        ("attributes", isinstance(attributes, Mapping)),
        ("answer", isinstance(answer, Mapping)),
        ("state", state is not None),
    ):
        if not right and not any(error["pointer"] == f"/{name}" for error in errors):
            fields.wrong(name, record.get(name), "what was recorded")
    try:
        configuration = read_configuration(
            record.get("configuration"), state=State(state or State.DRAFT), pointer="/configuration"
        )
    except InvalidInput as problem:
        errors += problem.errors
    raise_all(errors)
    assert at is not None and isinstance(answer, Mapping)
    subject = Subject(str(subject_id), attributes or {})
    again = decide(configuration, subject, at=at, consented=bool(consented), number=record.get("number"))
    return Replay(again, _differences(answer, answer_of(again)))


def _differences(recorded: Mapping[str, Any], recomputed: Mapping[str, Any]) -> tuple[Difference, ...]:
    names = [*recomputed, *(name for name in recorded if name not in recomputed)]
    pairs = [(name, recorded.get(name, _ABSENT), recomputed.get(name, _ABSENT)) for name in names]
    return tuple(Difference(name, was, now) for name, was, now in pairs if was != now)
