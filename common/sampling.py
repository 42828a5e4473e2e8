"""Each process looks at itself once a minute: memory, processor, caches; a worker at the GPU as well."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import psutil
from django.db import connection

from common import clock
from common.models import ProcessRole, ProcessSample
from common.registries import Registry

logger = logging.getLogger("mesocycle.sampling")

EVERY_SECONDS: Final = 55.0
GPU_PATIENCE_SECONDS: Final = 5
Hits = tuple[int, int]

# Filled by apps: how often a cache had what was asked of it, and how often not, since the process began.
CACHES: Registry[Callable[[], Hits]] = Registry("counted caches")


def remembered(function: Any) -> Callable[[], Hits]:
    """Return how often a function under `functools.lru_cache` remembered its answer, and how often not."""

    def read() -> Hits:
        info = function.cache_info()
        return info.hits, info.misses

    return read


class Sampler:
    """What this process said last, so that the next look is about the time since."""

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock, self._due, self._started = threading.Lock(), 0.0, time.monotonic()
        self._process: psutil.Process | None = None
        self._cpu, self._at = 0.0, 0.0
        self._caches: dict[str, Hits] = {}

    def look(self, role: ProcessRole) -> ProcessSample | None:
        """Write one row, if a minute is over and no transaction is open; failing, say so in the log."""
        if _in_transaction() or not self._is_due():
            return None
        try:
            row = self._sample(role)
            row.save(force_insert=True)
        except Exception:
            logger.warning("a process sample was lost", exc_info=True)
            return None
        return row

    def _is_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._due:
                return False
            self._due = now + EVERY_SECONDS
            return True

    def _sample(self, role: ProcessRole) -> ProcessSample:
        process = self._process = self._process or psutil.Process()
        times, now = process.cpu_times(), time.time()
        used, since = times.user + times.system, self._at or process.create_time()
        percent = 100 * (used - self._cpu) / max(now - since, 0.001)
        self._cpu, self._at = used, now
        gpu, gpu_memory = gpu_use() if role == ProcessRole.WORKER else (None, None)
        return ProcessSample(
            at=clock.now(),
            process=f"{socket.gethostname()[:80]}:{os.getpid()}",
            role=role,
            memory_bytes=process.memory_info().rss,
            cpu_percent=round(max(percent, 0.0), 2),
            caches_json=self._since_last(),
            gpu_percent=gpu,
            gpu_memory_percent=gpu_memory,
        )

    def _since_last(self) -> dict[str, list[int]]:
        found = {name: read() for name, read in CACHES.items()}
        before, self._caches = self._caches, found
        # A cache that was cleared begins again at 0.
        grown = {
            name: [now - old if now >= old else now for now, old in zip(hits, before.get(name, (0, 0)), strict=True)]
            for name, hits in found.items()
        }
        return {name: counts for name, counts in grown.items() if any(counts)}


def _in_transaction() -> bool:
    return connection.in_atomic_block


SAMPLER: Final = Sampler()
"""This process's."""


def sample_worker() -> ProcessSample | None:
    """Look at this worker, due each minute."""
    return SAMPLER.look(ProcessRole.WORKER)


def gpu_use() -> tuple[float | None, float | None]:
    """Return how busy the machine's GPUs are and how full their memory, in percent of all; None where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None, None
    asked = [tool, "--query-gpu=utilization.gpu,memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(  # nosec B603  # fixed words
            asked, capture_output=True, text=True, timeout=GPU_PATIENCE_SECONDS, check=True
        ).stdout
        rows = [[float(part) for part in line.split(",")] for line in said.splitlines() if line.strip()]
        return sum(row[0] for row in rows) / len(rows), 100 * sum(row[1] for row in rows) / sum(row[2] for row in rows)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, ZeroDivisionError):
        logger.warning("the GPU was not read", exc_info=True)
        return None, None
