"""The work of `bench.audit_bench`, each part in a process of its own: prints one JSON document."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from django.db import connection  # noqa: E402

from audit.canonical import COLUMNS, pack  # noqa: E402
from audit.events import register  # noqa: E402
from audit.merkle import CompactRange, leaf_hash  # noqa: E402
from audit.models import AuditEvent, AuditSeal  # noqa: E402
from audit.services import record  # noqa: E402
from audit.services.seal import seal  # noqa: E402
from audit.services.verify import Scope, verify_log  # noqa: E402
from common.context import service, unit_of_work  # noqa: E402
from common.ids import uuid7  # noqa: E402
from common.models import SubjectKey  # noqa: E402

register("bench.write", target_type="thing", metadata=frozenset({"n", "sha256"}))
_CHAIN_LOCK = 0x6368_6169_6E
_FILL = """
    INSERT INTO audit_events (id, occurred_at, actor_id, actor_role, action, target_type, target_id, subject_id,
                              request_id, metadata_json, origin_ip)
    SELECT gen_random_uuid(), now(), gen_random_uuid(), 'coach', 'plan.edit', 'plan', gen_random_uuid(),
           gen_random_uuid(), gen_random_uuid(),
           jsonb_build_object('version_number', n, 'content_sha256', encode(sha256(n::text::bytea), 'hex'),
                              'reasons', jsonb_build_object('travel', 1)),
           sha256(n::text::bytea)
    FROM generate_series(%s, %s) AS n
"""


def write(mode: str, seconds: float, threads: int) -> dict[str, Any]:
    """Write rows for a while in several threads; the row is the same in every mode, what comes with it is not."""
    done = [0] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            with unit_of_work(service("public")):
                SubjectKey.objects.create(subject_id=uuid7(), version=1, wrapped_key=b"k" * 60)
                _MODES[mode](done[number])
            done[number] += 1
        connection.close()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"written": sum(done)}


def _audited(n: int) -> None:
    record("bench.write", target_id=uuid7(), subject_id=uuid7(), metadata={"n": n, "sha256": "0" * 64})


def _chained(n: int) -> None:
    """What a chain of hashes needs: nobody may write between the last link and this one, until it is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])
        cursor.execute("SELECT link FROM bench_chain ORDER BY number DESC LIMIT 1")
        (last,) = cursor.fetchone() or (b"",)
        _audited(n)
        link = hashlib.sha256(bytes(last) + n.to_bytes(8, "big")).digest()
        cursor.execute("INSERT INTO bench_chain (link) VALUES (%s)", [link])


_MODES: dict[str, Callable[[int], None]] = {"plain": lambda n: None, "audited": _audited, "chained": _chained}


def seal_loop(seconds: float) -> dict[str, Any]:
    """Seal once a second as the schedule does; return the p95 from an event to the head over it, in seconds.

    A head's time is taken when it is signed, right before its transaction commits.
    """
    due = time.monotonic()
    end = due + seconds
    while time.monotonic() < end:
        seal()
        due += 1  # as beat counts: a slow turn does not put off the next one
        time.sleep(max(0.0, due - time.monotonic()))
    with unit_of_work(service("sealer"), read_only=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM s.sealed_at - e.occurred_at)::float8 FROM audit_events e "
            "JOIN audit_leaves l ON l.event_id = e.id CROSS JOIN LATERAL "
            "(SELECT sealed_at FROM audit_seals WHERE tree_size > l.leaf_index ORDER BY tree_size LIMIT 1) s"
        )
        waits = sorted(wait for (wait,) in cursor.fetchall())
    return {"sealed": len(waits), "p95": waits[int(0.95 * len(waits))], "most": waits[-1]}


def fill(events: int) -> dict[str, Any]:
    """Insert events by SQL and seal them."""
    for begin in range(0, events, 100_000):
        with unit_of_work(service("public")), connection.cursor() as cursor:
            cursor.execute(_FILL, [begin + 1, min(begin + 100_000, events)])
    started = time.perf_counter()
    sealed = 0
    while sealed < events:
        sealed += seal().events
    return {"seal_per_s": events / (time.perf_counter() - started)}


def verify() -> dict[str, Any]:
    """Verify the whole log; return events a second and the process's peak memory in MB."""
    started = time.perf_counter()
    report = verify_log(Scope())
    seconds = time.perf_counter() - started
    if not report.intact:
        raise RuntimeError(str(report.findings[:3]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": report.events, "per_s": report.events / seconds, "peak_mb": peak}


def hash_alone(events: int) -> dict[str, Any]:
    """Hash as many canonical events into a tree, without a database and without making them canonical."""
    with unit_of_work(service("verifier"), read_only=True):
        data = [pack(*row) for row in AuditEvent.objects.values_list(*COLUMNS)[:1000]]
    started, tree = time.perf_counter(), CompactRange()
    for number in range(events):
        tree.append(leaf_hash(data[number % len(data)]))
    tree.root()
    return {"per_s": events / (time.perf_counter() - started), "seals": AuditSeal.objects.count()}


def main() -> None:
    what, *arguments = sys.argv[1:]
    numbers = [float(text) if "." in text else int(text) for text in arguments if text not in _MODES]
    if what == "write":
        result = write(arguments[0], float(numbers[0]), int(numbers[1]))
    else:
        result = {"seal_loop": seal_loop, "fill": fill, "verify": verify, "hash_alone": hash_alone}[what](*numbers)  # type: ignore[operator]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
