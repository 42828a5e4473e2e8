"""Building a small warehouse for tests, and reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.test import override_settings

from telemetry.landing import land
from telemetry.schema_files import schemas, urn
from telemetry.warehousing.build import Outcome, build
from telemetry.warehousing.published import Build, current
from telemetry.warehousing.querying import ask

AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
ATHLETE, OTHER = "v1:" + "a" * 64, "v1:" + "b" * 64
COACH, COACH_2 = "v1:" + "c" * 64, "v1:" + "d" * 64


def uid(number: int) -> str:
    """Return the UUID of a small number."""
    return str(UUID(int=number))


def envelope(number: int, kind: str, at: str, subject: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent; `at` without a zone is UTC. The newest schema is named."""
    version = max(version for name, version in schemas() if name == kind)
    moment = datetime.fromisoformat(at)
    return {
        "specversion": "1.0",
        "id": uid(number),
        "source": "/mesocycle",
        "type": kind,
        "subject": subject,
        "time": (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(),
        "datacontenttype": "application/json",
        "dataschema": urn(kind, version),
        "data": dict(data),
    }


@contextmanager
def places(folder: Path, *, url: str = "") -> Iterator[None]:
    """Let events and warehouse lie below a folder."""
    with override_settings(
        TELEMETRY_DIR=str(folder / "telemetry"), WAREHOUSE_DIR=str(folder / "warehouse"), WAREHOUSE_DATABASE_URL=url
    ):
        yield


def built(folder: Path, events: Iterable[Mapping[str, Any]]) -> Outcome:
    """Land events and build of them, as of `AS_OF`; inside `places`."""
    land(events, folder / "telemetry")
    return build(as_of=AS_OF)


def rows(query: str, of: Build | None = None) -> list[tuple[Any, ...]]:
    """Return what the published build answers."""
    found = of or current()
    assert found is not None
    return ask(found, query, limit=1_000_000).rows
