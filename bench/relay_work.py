"""The work of `bench.relay_bench`, each part in a process of its own: its last line is one JSON document."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from common import clock  # noqa: E402
from common.context import COMMAND_LINE, unit_of_work  # noqa: E402
from common.ids import uuid7  # noqa: E402
from telemetry.inbox import once  # noqa: E402
from telemetry.models import OutboxEvent  # noqa: E402
from telemetry.schema_files import urn  # noqa: E402
from telemetry.services import partition_of  # noqa: E402
from telemetry.services.relay import Relay  # noqa: E402
from telemetry.tokens import person_token  # noqa: E402

_TYPE, _CHUNK = "session.completed", 500


def insert(events: int) -> dict[str, Any]:
    """Insert events of as many plans as a tenth of them, and say how many rows a second the INSERTs alone took."""
    plans, athlete = [uuid7() for _ in range(events // 10)], person_token(uuid7())
    seconds = 0.0
    for start in range(0, events, _CHUNK):
        numbers = range(start, min(start + _CHUNK, events))
        rows = [_event(plans[number % len(plans)], athlete, number // len(plans) + 1) for number in numbers]
        began = time.monotonic()
        with unit_of_work(COMMAND_LINE):
            OutboxEvent.objects.bulk_create(rows)
        seconds += time.monotonic() - began
    return {"rate": events / seconds}


def relay() -> dict[str, Any]:
    """Relay until nothing waits; `began` and `ended` are of a clock that all processes share."""
    relay, published, began = Relay(), 0, time.monotonic()
    while True:
        done = relay.turn(seconds=600)
        published += done.published
        if done.error:
            raise RuntimeError(done.error)
        if done.oldest is None:
            return {"published": published, "began": began, "ended": time.monotonic()}


def fork_relays(folder: str) -> dict[str, Any]:
    """Fork a relay for each line of input and answer with its id; it notes in the folder when it began and ended."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            note = Path(folder) / f"{os.getpid()}.began"
            note.write_text(str(time.monotonic()))
            ended = Path(folder) / f".{note.stem}"
            ended.write_text(str(relay()["ended"]))
            ended.rename(note.with_suffix(".ended"))
            os._exit(0)
        print(pid, flush=True)
    return {}


def handle() -> dict[str, Any]:
    """Ask the inbox about every id of the input, as a consumer does; say how many were to be handled."""
    ids, handled = [UUID(line) for line in sys.stdin.read().split()], 0
    for start in range(0, len(ids), _CHUNK):
        with unit_of_work(COMMAND_LINE):
            handled += sum(once("bench", event_id) for event_id in ids[start : start + _CHUNK])
    return {"handled": handled}


def _event(plan: Any, athlete: str, number: int) -> OutboxEvent:
    event_id, now = uuid7(), clock.now()
    data = {
        "plan_id": str(plan),
        "athlete": athlete,
        "coach_id": athlete,
        "experiment_arm": "",
        "algorithm_version": "1",
        "pipeline": "auto",
        "version_number": number,
        "session_id": str(plan),
        "status": "done",
        "rpe": 4,
        "day": now.date().isoformat(),
    }
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/mesocycle",
        "type": _TYPE,
        "subject": str(plan),
        "time": now.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": urn(_TYPE, 1),
        "data": data,
    }
    return OutboxEvent(
        id=event_id, type=_TYPE, aggregate_id=plan, partition=partition_of(plan), data=envelope, occurred_at=now
    )


_PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "insert": lambda events: insert(int(events)),
    "relay": relay,
    "fork_relays": fork_relays,
    "handle": handle,
}

if __name__ == "__main__":
    print(json.dumps(_PARTS[sys.argv[1]](*sys.argv[2:])))
