"""Synthetic events as files: what a relay that ran at every midnight would have left."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from common import clock
from telemetry.schema_files import version_of
from telemetry.sinks.contract import Event
from telemetry.sinks.parquet import ParquetSink


def land(envelopes: Iterable[Mapping[str, Any]], folder: Path) -> int:
    """Write CloudEvents below a folder; return how many. The same events again replace themselves.

    Raises:
        NoSchema: an event names a schema that we do not have.
        Refused: a value does not fit its column.
    """
    by_day: dict[date, list[Event]] = defaultdict(list)
    for envelope in envelopes:
        moment = datetime.fromisoformat(envelope["time"])
        text = json.dumps(envelope).encode()
        version = version_of(envelope["dataschema"])
        event = Event(UUID(envelope["id"]), envelope["type"], version, moment, envelope, text)
        by_day[moment.astimezone(UTC).date()].append(event)
    sink = ParquetSink(folder)
    for day, batch in sorted(by_day.items()):
        with clock.frozen(datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)):
            sink.write(sorted(batch, key=lambda one: (one.time, one.id)))
    sink.flush()
    return sum(map(len, by_day.values()))
