"""The work of `bench.relay_bench`, each part in a process of its own: prints one JSON document."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from common import clock  # noqa: E402
from common.context import COMMAND_LINE, unit_of_work  # noqa: E402
from common.ids import uuid7  # noqa: E402
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
        rows = [_event(plans[number % len(plans)], athlete) for number in range(start, min(start + _CHUNK, events))]
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


def _event(plan: Any, athlete: str) -> OutboxEvent:
    event_id, now = uuid7(), clock.now()
    data = {
        "plan_id": str(plan),
        "athlete": athlete,
        "coach_id": athlete,
        "experiment_arm": "",
        "algorithm_version": "1",
        "pipeline": "auto",
        "version_number": 1,
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


if __name__ == "__main__":
    print(json.dumps({"insert": insert, "relay": relay}[sys.argv[1]](*map(int, sys.argv[2:]))))
