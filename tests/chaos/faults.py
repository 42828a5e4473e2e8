"""What goes wrong: processes killed, servers stopped, paused and slowed, disks full, clocks that jump."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.chaos.client import Traffic
from tests.chaos.servers import Postgres, Redis, signal_all
from tests.rollout.proxy import Proxy
from tests.support.stack import Stack

AFTERMATH_SECONDS = 6.0
"""So long an error still counts as a fault's after its end: what was killed is being started again."""

Rest = Callable[[float], object]
"""Waits for so many seconds, or less where the run ends."""


@dataclass(frozen=True)
class Fault:
    """One that happened: from `begun` to `ended` (seconds since 1970) something was wrong; `what` says what."""

    name: str
    what: str
    begun: float
    ended: float


@dataclass
class Grounds:
    """Everything that can be harmed, with the seeded source of chance of one lane."""

    stack: Stack
    postgres: Postgres
    redis: Redis
    postgres_proxy: Proxy
    redis_proxy: Proxy
    disks: dict[str, Path]
    clocks: Path | None
    traffic: Traffic
    rng: random.Random
    killed: set[int]
    """Processes whose end was ours: whatever else ends has died by itself."""

    def happen(self, name: str, rest: Rest, harm: Callable[[Grounds, Rest], str]) -> Fault:
        """Let a fault happen, and let the traffic know of it meanwhile."""
        begun = time.time()
        self.traffic.faults.add(name)
        try:
            what = harm(self, rest)
        finally:
            after = threading.Timer(AFTERMATH_SECONDS, self.traffic.faults.discard, (name,))
            after.daemon = True
            after.start()
        return Fault(name, what, begun, time.time())


Harm = Callable[[Grounds, Rest], str]


# --- processes --------------------------------------------------------------------------------------------------------
def kill_process(kind: str) -> Harm:
    """Kill -9 a process of a kind with all that it forked; whoever watches starts it again."""

    def harm(on: Grounds, rest: Rest) -> str:
        names = [name for name in on.stack.names if name.startswith(f"{kind}.") and on.stack.is_running(name)]
        if not names:
            return "none ran"
        name = on.rng.choice(names)
        on.killed.add(on.stack.pid(name))
        return f"kill -9 of {name} and its children: {len(on.stack.kill(name))} processes"

    return harm


def kill_child(kind: str) -> Harm:
    """Kill -9 one child; its parent goes on."""

    def harm(on: Grounds, rest: Rest) -> str:
        names = [name for name in on.stack.names if name.startswith(f"{kind}.") and on.stack.is_running(name)]
        family = on.stack.children(on.rng.choice(names)) if names else []
        if not family:
            return "none ran"
        signal_all([on.rng.choice(family)], signal.SIGKILL)
        return f"kill -9 of one child of {kind}"

    return harm


def pause_process(kind: str) -> Harm:
    """Stop a process with all that it forked for a while (SIGSTOP), and let it go on."""

    def harm(on: Grounds, rest: Rest) -> str:
        names = [name for name in on.stack.names if name.startswith(f"{kind}.") and on.stack.is_running(name)]
        if not names:
            return "none ran"
        name, seconds = on.rng.choice(names), on.rng.uniform(2, 15)
        family = on.stack.family(name)
        signal_all(family, signal.SIGSTOP)
        rest(seconds)
        signal_all(family, signal.SIGCONT)
        return f"{name} stood still for {seconds:.0f} s"

    return harm


# --- servers ----------------------------------------------------------------------------------------------------------
def restart_postgres(mode: str) -> Harm:
    """Stop PostgreSQL and start it again."""

    def harm(on: Grounds, rest: Rest) -> str:
        on.postgres.stop(mode)
        rest(seconds := on.rng.uniform(0, 3))
        on.postgres.start()
        return f"stopped ({mode}) for {seconds:.0f} s and started"

    return harm


def pause_postgres(on: Grounds, rest: Rest) -> str:
    """Let PostgreSQL and all its sessions stand still."""
    seconds, pids = on.rng.uniform(5, 20), on.postgres.pids()
    signal_all(pids, signal.SIGSTOP)
    rest(seconds)
    signal_all(pids, signal.SIGCONT)
    return f"{len(pids)} processes stood still for {seconds:.0f} s"


def slow_postgres(on: Grounds, rest: Rest) -> str:
    """Let each piece that passes to and from PostgreSQL take its time."""
    return _slow(on, on.postgres_proxy, on.rng.uniform(0.01, 0.05), rest)


def cut_postgres(on: Grounds, rest: Rest) -> str:
    """Cut every connection to PostgreSQL and let none through for a moment."""
    on.postgres_proxy.cut()
    rest(seconds := on.rng.uniform(0.5, 4))
    on.postgres_proxy.mend()
    return f"connections cut, none for {seconds:.1f} s"


def kill_redis(on: Grounds, rest: Rest) -> str:
    """Kill Redis as a crash would, and start it again."""
    on.redis.kill()
    rest(seconds := on.rng.uniform(1, 6))
    on.redis.start()
    return f"kill -9, down for {seconds:.0f} s"


def pause_redis(on: Grounds, rest: Rest) -> str:
    """Let Redis stand still."""
    seconds, pids = on.rng.uniform(5, 20), on.redis.pids()
    signal_all(pids, signal.SIGSTOP)
    rest(seconds)
    signal_all(pids, signal.SIGCONT)
    return f"stood still for {seconds:.0f} s"


def slow_redis(on: Grounds, rest: Rest) -> str:
    """Let each piece that passes to and from Redis take its time."""
    return _slow(on, on.redis_proxy, on.rng.uniform(0.02, 0.2), rest)


def flush_redis(on: Grounds, rest: Rest) -> str:
    """Let Redis forget everything: cache, messages that wait, messages under way."""
    client = redis.Redis(port=on.redis.port)
    keys = client.dbsize()
    client.flushall()
    return f"FLUSHALL of {keys} keys"


def _slow(on: Grounds, proxy: Proxy, delay: float, rest: Rest) -> str:
    proxy.delay = delay
    rest(seconds := on.rng.uniform(8, 20))
    proxy.delay = 0.0
    return f"{delay * 1000:.0f} ms for every piece, for {seconds:.0f} s"


# --- disks ------------------------------------------------------------------------------------------------------------
def fill_disk(name: str) -> Harm:
    """Fill one of the small disks to the last byte, and clear it again."""

    def harm(on: Grounds, rest: Rest) -> str:
        filler = on.disks[name] / "filler"
        written = _fill(filler)
        rest(seconds := on.rng.uniform(6, 20))
        # What was freed meanwhile is taken as well.
        written += _fill(filler)
        rest(2)
        filler.unlink()
        return f"{written / 1e6:.0f} MB written, full for {seconds + 2:.0f} s"

    return harm


def _fill(filler: Path) -> int:
    written = 0
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    written += file.write(b"x" * size)
            except OSError:
                continue
    return written


def mount(folder: Path, megabytes: int) -> None:
    """Mount a small disk in memory (needs root).

    Raises:
        RuntimeError: that is not allowed here.
    """
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"cannot mount a small disk at {folder}: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    """Take a small disk away, also while somebody still has a file of it open."""
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


# --- clocks -----------------------------------------------------------------------------------------------------------
def jump(name: str, by: int) -> Harm:
    """Let the clock of one process jump, and back after a while."""

    def harm(on: Grounds, rest: Rest) -> str:
        assert on.clocks is not None
        file = on.clocks / name
        set_clock(file, by)
        rest(seconds := on.rng.uniform(8, 20))
        set_clock(file, 0)
        return f"the clock of {name} jumped by {by} s for {seconds:.0f} s"

    return harm


def clock_library(folder: Path) -> Path:
    """Compile the clock that can jump.

    Raises:
        RuntimeError: that failed, or there is no C compiler.
    """
    library, source = folder / "clock.so", Path(__file__).with_name("clock.c")
    command = ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("there is no C compiler (apt-get install gcc libc6-dev)") from None
    if done.returncode:
        raise RuntimeError(f"{source} does not compile:\n{done.stderr}")
    return library


def with_clock(command: str, library: Path, file: str) -> str:
    """Return a command whose process adds to its clock the seconds in a file."""
    return f"env LD_PRELOAD={library} CHAOS_CLOCK={file} {command}"


def set_clock(file: Path, seconds: int) -> None:
    """Let a clock go ahead or behind from now on."""
    half = file.with_name(f"{file.name}.new")
    half.write_text(f"{seconds}\n")
    half.replace(file)


# --- lanes ------------------------------------------------------------------------------------------------------------
KILLS: dict[str, Harm] = {
    "web killed": kill_process("web"),
    "web worker killed": kill_child("web"),
    "worker killed": kill_process("worker"),
    "worker child killed": kill_child("worker"),
    "beat killed": kill_process("beat"),
    "relay killed": kill_process("relay"),
    "sealer killed": kill_process("sealer"),
    "web paused": pause_process("web"),
    "worker paused": pause_process("worker"),
    "beat paused": pause_process("beat"),
    "relay paused": pause_process("relay"),
}
SERVERS: dict[str, Harm] = {
    "PostgreSQL crashed": restart_postgres("immediate"),
    "PostgreSQL restarted": restart_postgres("fast"),
    "PostgreSQL paused": pause_postgres,
    "PostgreSQL slowed": slow_postgres,
    "PostgreSQL cut off": cut_postgres,
    "Redis killed": kill_redis,
    "Redis paused": pause_redis,
    "Redis slowed": slow_redis,
    "Redis emptied": flush_redis,
}
DISKS: dict[str, Harm] = {
    "event disk full": fill_disk("events"),
    "archive disk full": fill_disk("archive"),
}
CLOCKS: dict[str, Harm] = {
    "web a day ahead": jump("web.1", 86_400),
    "web an hour behind": jump("web.2", -3_600),
    "beat an hour behind": jump("beat.1", -3_600),
    "beat an hour ahead": jump("beat.1", 3_600),
    "worker an hour ahead": jump("worker.1", 3_600),
}


def shuffled(harms: dict[str, Harm], rng: random.Random) -> list[str]:
    """Return every name once, in random order: a run that is long enough meets each before one comes again."""
    return rng.sample(list(harms), len(harms))
