"""An event's canonical bytes: every column counts, the same on both databases, and readable again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import COLUMNS, NotCanonical, pack, unpack
from audit.models import AuditEvent
from common.context import service, unit_of_work

A, B = UUID(int=1), UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
EVENT: dict[str, Any] = {
    "id": A,
    "occurred_at": datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC),
    "actor_id": A,
    "actor_role": "coach",
    "action": "plan.edit",
    "target_type": "plan",
    "target_id": A,
    "subject_id": A,
    "linked_event_id": A,
    "request_id": A,
    "metadata_json": {"b": [1, 2.5, None, True], "a": {"é": "\ud800"}},
    "origin_ip": b"\x01ip",
    "user_agent": b"\x01ua",
    "xact_id": 7,
}
OTHER: dict[str, list[Any]] = {
    "id": [B],
    "occurred_at": [EVENT["occurred_at"] + timedelta(microseconds=1)],
    "actor_id": [B, None],
    "actor_role": ["coach ", ""],
    "action": ["plan.edit2"],
    "target_type": ["plans"],
    "target_id": [B, None],
    "subject_id": [B, None],
    "linked_event_id": [B, None],
    "request_id": [B],
    "metadata_json": [{}, {**EVENT["metadata_json"], "c": None}, {"b": [1, 2.5, None, 1], "a": {"é": "\ud800"}}],
    "origin_ip": [b"\x01iq", b"", None],
    "user_agent": [b"\x01ub", b"", None],
    "xact_id": [8],
}


@pytest.mark.pure
def test_the_format_is_fixed() -> None:
    """Changing these bytes breaks every seal that exists: a new format gets a new version."""
    plain = {**EVENT, "metadata_json": {"b": 24.0, "a": "é"}, "user_agent": None}
    one = "00000000-0000-0000-0000-000000000001"
    assert (
        pack(**plain)
        == (
            f'{{"action":"plan.edit","actor_id":"{one}","actor_role":"coach","id":"{one}","linked_event_id":"{one}",'
            f'"metadata_json":{{"a":"\\u00e9","b":24}},"occurred_at":"2026-03-01T12:00:00.000007Z","origin_ip":"AWlw",'
            f'"request_id":"{one}","subject_id":"{one}","target_id":"{one}","target_type":"plan","user_agent":null,'
            '"v":1,"xact_id":7}'
        ).encode()
    )


@pytest.mark.pure
def test_every_column_counts() -> None:
    assert set(COLUMNS) == {field.attname for field in AuditEvent._meta.concrete_fields} == set(OTHER)
    seen = {pack(**EVENT)}
    for name, values in OTHER.items():
        for value in values:
            changed = pack(**{**EVENT, name: value})
            assert changed not in seen, name
            seen.add(changed)


@pytest.mark.pure
def test_the_time_zone_of_a_moment_does_not_matter_but_must_be_there() -> None:
    elsewhere = EVENT["occurred_at"].astimezone(timezone(timedelta(hours=5)))
    assert pack(**{**EVENT, "occurred_at": elsewhere}) == pack(**EVENT)
    with pytest.raises(ValueError, match="time zone"):
        pack(**{**EVENT, "occurred_at": EVENT["occurred_at"].replace(tzinfo=None)})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ids = st.none() | st.uuids()
ciphertexts = st.none() | st.binary(max_size=20)


@pytest.mark.pure
@given(
    metadata=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
    actor=ids,
    origin=ciphertexts,
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_canonical_bytes_can_be_read_and_written_again(
    metadata: dict[str, Any], actor: UUID | None, origin: bytes | None, at: datetime
) -> None:
    event = {**EVENT, "metadata_json": metadata, "actor_id": actor, "origin_ip": origin, "occurred_at": at}
    columns = unpack(pack(**event))
    assert columns == {**event, "metadata_json": columns["metadata_json"]}
    assert pack(**columns) == pack(**event)


@pytest.mark.pure
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        pack(**EVENT) + b" ",
        pack(**EVENT).replace(b'"v":1', b'"v":2'),
        pack(**EVENT).replace(b'"v":1', b'"v":1,"x":1'),
        pack(**EVENT).replace(b"2.5", b"2.50"),
        pack(**EVENT).replace(b'"AWlw"', b'"not base64"'),
        pack(**EVENT).replace(b"2026-03-01T12", b"2026-13-01T12"),
        pack(**{**EVENT, "metadata_json": {}}).replace(b"{}", b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        unpack(data)


@pytest.mark.pure
def test_no_number_without_a_value() -> None:
    with pytest.raises(ValueError, match="JSON compliant|Out of range"):
        pack(**{**EVENT, "metadata_json": {"a": float("inf")}})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e16, b"10000000000000000"),
        (1e300, b"1" + b"0" * 300),
        (-0.0, b"0"),
        (2.0, b"2"),
        (0.1, b"0.1"),
        (1e-7, b"1e-07"),
        (5e-324, b"5e-324"),
        (2**70, b"1180591620717411303424"),
    ],
)
def test_what_the_database_gives_back_has_the_same_bytes(number: float, text: bytes) -> None:
    """SQLite keeps JSON as text, PostgreSQL as jsonb, which writes 1e16 out."""
    event = {**EVENT, "metadata_json": {"b": number, "a": "é"}}
    with unit_of_work(service("command-line")):
        AuditEvent.objects.create(**event)
        stored = AuditEvent.objects.values_list(*COLUMNS).get(pk=A)
    assert pack(*stored) == pack(**event), connection.vendor
    assert json.loads(pack(*stored))["metadata_json"]["a"] == "é"
    assert b'"b":' + text + b"}" in pack(*stored)
