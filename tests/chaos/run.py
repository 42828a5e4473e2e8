"""One exercise: a stack on servers of its own, people at work, faults, and a look at everything afterwards."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.client import Client, Operator, Traffic
from tests.chaos.faults import (
    CLOCKS,
    DISKS,
    KILLS,
    SERVERS,
    Fault,
    Grounds,
    Harm,
    clock_library,
    mount,
    set_clock,
    shuffled,
    unmount,
    with_clock,
)
from tests.chaos.ledger import Ledger
from tests.chaos.probe import Backlog, Probe
from tests.chaos.servers import Postgres, Redis, free_port
from tests.chaos.users import Coach, Ops, Runner, VirtualUser
from tests.chaos.watch import Watch
from tests.chaos.world import PASSWORD, World, read_world
from tests.rollout.proxy import Proxy
from tests.support.databases import ROOT
from tests.support.stack import Stack

DATABASE = "chaos"
FORMATION = {"web": 2, "worker": 1, "beat": 1, "relay": 1, "sealer": 1}
SETTLE_SECONDS = 480.0
DISK_MEGABYTES = 48
_OPEN = """
    SELECT (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')),
           (SELECT count(*) FROM telemetry_outbox WHERE published_at IS NULL),
           (SELECT count(*) FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_leaves l WHERE l.event_id = e.id)),
           (SELECT count(*) FROM audit_seals)
"""


@dataclass(frozen=True)
class Plan:
    """How long, from which seed, with how many people; `disks` and `clocks` where the machine can harm those.

    Pauses between faults are `calm` times as long as usual: what is started again must get to work before the next.
    """

    minutes: float
    seed: int
    athletes: int
    disks: bool
    clocks: bool
    calm: float = 1.0


@dataclass
class Result:
    """What happened and what was found."""

    plan: Plan
    versions: dict[str, str]
    faults: list[Fault] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)
    probe: Probe | None = None
    backlog: Backlog | None = None
    restarts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    settled_seconds: float | None = None
    left_open: Sequence[int] = (0, 0, 0, 0)
    found: dict[str, Any] = field(default_factory=dict)


def exercise(plan: Plan, folder: Path, say: Callable[[str], None]) -> Result:
    """Run the whole exercise in a folder, which is left as it is for whoever wants to look.

    Raises:
        RuntimeError: something did not start, or the check itself failed.
    """
    with ExitStack() as ends:
        grounds = _grounds(plan, folder, ends, say)
        versions = {"PostgreSQL": grounds.postgres.version, "Redis": grounds.redis.version}
        result = Result(plan, versions, traffic=grounds.traffic)
        world = _world(grounds.stack, plan)
        say(f"{len(world.athletes)} athletes, {len(world.coaches)} coaches, {len(world.operators)} operators")
        ledger = Ledger(folder / "ledger.jsonl")
        grounds.stack.start()
        users = _users(grounds, world, ledger, plan.seed)
        result.probe = Probe(grounds.stack.urls)
        result.backlog = Backlog(grounds.postgres.admin_url, DATABASE)
        watch = Watch(grounds.stack, grounds.killed, random.Random(f"{plan.seed}/watch"))
        for thread in (result.probe, result.backlog, watch, *users):
            thread.start()
        ends.callback(watch.end)
        _harm(plan, grounds, result, say)
        _rest_users(users, result)
        say("people have gone home; waiting until nothing is open")
        result.settled_seconds, result.left_open = settle(grounds.postgres, grounds.stack)
        result.probe.end()
        result.backlog.end()
        watch.end()
        result.restarts = watch.restarts
        grounds.stack.stop()
        say("checking")
        result.found = checked(grounds.stack, ledger)
    return result


def settle(postgres: Postgres, stack: Stack) -> tuple[float | None, Sequence[int]]:
    """Wait until no job, event, audit event or head is open; return how many seconds, None where that was in vain.

    A sealer commits a seal and publishes its head after that: stopped in between it would leave that to its next turn.
    """
    begin = time.monotonic()
    with psycopg.connect(postgres.admin_url, dbname=DATABASE, autocommit=True) as server:
        while True:
            row = server.execute(_OPEN).fetchone()
            assert row is not None
            left = (*row[:3], row[3] - _published_heads(stack))
            waited = time.monotonic() - begin
            if not any(left):
                return waited, left
            if waited > SETTLE_SECONDS:
                return None, left
            time.sleep(1.0)


def _published_heads(stack: Stack) -> int:
    folder = Path(stack.env.get("AUDIT_HEADS_DIR", f"{stack.env['MESOCYCLE_VAR']}/audit-heads"))
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson"))


def _grounds(plan: Plan, folder: Path, ends: ExitStack, say: Callable[[str], None]) -> Grounds:
    """Start the servers, mount the disks and prepare the stack; `ends` undoes it."""
    postgres = Postgres(folder / "postgres", free_port(5450, 5459))
    postgres.start()
    ends.callback(postgres.stop, "immediate")
    broker = Redis(folder / "redis", free_port(6390, 6399))
    broker.start()
    ends.callback(broker.stop)
    to_postgres, to_redis = Proxy("127.0.0.1", postgres.port), Proxy("127.0.0.1", broker.port)
    disks = {name: folder / f"disk-{name}" for name in ("events", "archive")}
    if plan.disks:
        for place in disks.values():
            mount(place, DISK_MEGABYTES)
            ends.callback(unmount, place)
            ends.callback(_copied, place, folder / f"{place.name}-kept")
    say(f"{postgres.version} on {postgres.port}, {broker.version} on {broker.port}")
    stack = Stack(
        folder / "stack",
        database=DATABASE,
        redis=f"redis://127.0.0.1:{to_redis.port}/0",
        port=free_port(8150, 8190),
        formation=FORMATION,
        admin_url=postgres.admin_url,
        DJANGO_SETTINGS_MODULE="tests.chaos.settings",
        DATABASE_URL=f"postgresql://app_rw@127.0.0.1:{to_postgres.port}/{DATABASE}",
        TELEMETRY_DIR=str(disks["events"] / "telemetry"),
        AUDIT_ARCHIVE=str(disks["archive"] / "segments"),
        AUDIT_HEADS_DIR=str(disks["archive"] / "heads"),
        WEB_CONCURRENCY="1",
        WEB_ACCESS_LOG="no",
        LOG_LEVEL="WARNING",
        GENERATION_LIMIT_PER_DAY="1000",
        **{f"THROTTLE_{name}": "off" for name in ("LOGIN", "LOGIN_ADDRESS", "REFRESH", "GENERATION", "PATCH")},
    )
    stack.commands["sealer"] = f"{sys.executable} -m tests.chaos.sealer"
    ends.callback(stack.stop)
    clocks = _clocks(stack, folder / "clocks") if plan.clocks else None
    stack.manage("setup_database", "--admin-url", postgres.admin_url, "--name", DATABASE)
    stack.manage("migrate", "--verbosity", "0", DATABASE_URL=stack.database_url("app_owner"))
    rng, traffic = random.Random(f"{plan.seed}/faults"), Traffic()
    return Grounds(stack, postgres, broker, to_postgres, to_redis, disks, clocks, traffic, rng, set())


def _clocks(stack: Stack, folder: Path) -> Path:
    """Give web, worker and beat clocks that can jump: one file a process, by what tells processes apart."""
    folder.mkdir()
    for name in ("web.1", "web.2", "worker.1", "beat.1"):
        set_clock(folder / name, 0)
    library = clock_library(folder)
    own = {"web": f"web.$((PORT - {stack.port} + 1))", "worker": "worker.1", "beat": "beat.1"}
    for kind, name in own.items():
        stack.commands[kind] = with_clock(stack.commands[kind], library, f"{folder}/{name}")
    return folder


def _copied(source: Path, target: Path) -> None:
    """Keep what a small disk held, for whoever wants to look."""
    shutil.copytree(source, target, dirs_exist_ok=True)


def _world(stack: Stack, plan: Plan) -> World:
    env = {**stack.env, "CELERY_BROKER_URL": "memory://"}  # plans are made at once: there is no worker yet
    return read_world(_python("tests.chaos.world", str(plan.seed), str(plan.athletes), env=env))


def checked(stack: Stack, ledger: Ledger) -> dict[str, Any]:
    """Return what `tests.chaos.check` finds in a stack that is stopped."""
    found: dict[str, Any] = json.loads(_python("tests.chaos.check", str(ledger.path), env=stack.env))
    return found


def _python(module: str, *arguments: str, env: dict[str, str]) -> str:
    """Run a module of ours in the stack's environment and return the last line that it printed.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout.strip().splitlines()[-1]


def _users(grounds: Grounds, world: World, ledger: Ledger, seed: int) -> list[VirtualUser]:
    urls, traffic = grounds.stack.urls, grounds.traffic
    numbers: Iterator[int] = iter(range(seed * 1000, seed * 1000 + 999))
    users: list[VirtualUser] = []
    for person in world.coaches:
        users.append(Coach(Client(urls, person.email, PASSWORD, person.user_id, ledger, traffic), next(numbers)))
    for person in world.athletes:
        client = Client(urls, person.email, PASSWORD, person.user_id, ledger, traffic)
        users.append(Runner(client, next(numbers), person))
    for person in world.operators:
        operator = Operator(urls, person.email, PASSWORD, person.user_id, ledger, traffic)
        users.append(Ops(operator, next(numbers), world.rollout_id))
    return users


def _harm(plan: Plan, grounds: Grounds, result: Result, say: Callable[[str], None]) -> None:
    """Let faults happen in two lanes at once until the time is over: processes, and what they stand on."""
    over, lock = threading.Event(), threading.Lock()
    under = {**SERVERS, **(DISKS if plan.disks else {}), **(CLOCKS if plan.clocks else {})}
    broken: list[BaseException] = []

    def lane(name: str, harms: dict[str, Harm], pause: tuple[float, float]) -> None:
        rng = random.Random(f"{plan.seed}/{name}")
        own = Grounds(**{**vars(grounds), "rng": rng})
        queue: list[str] = []
        while not over.wait(plan.calm * rng.uniform(*pause)):
            queue = queue or shuffled(harms, rng)
            try:
                fault = own.happen(queue[-1], over.wait, harms[queue.pop()])
            except BaseException as error:
                broken.append(error)
                return
            with lock:
                result.faults.append(fault)
            say(f"{time.strftime('%H:%M:%S', time.gmtime(fault.begun))}  {fault.name}: {fault.what}")

    lanes = [
        threading.Thread(target=lane, args=("processes", KILLS, (3.0, 8.0))),
        threading.Thread(target=lane, args=("servers", under, (4.0, 9.0))),
    ]
    for thread in lanes:
        thread.start()
    deadline = time.monotonic() + plan.minutes * 60
    while time.monotonic() < deadline and not broken:
        time.sleep(0.5)
    over.set()
    for thread in lanes:
        thread.join(timeout=150)
    if broken:
        raise RuntimeError("a fault could not be made, or not be undone") from broken[0]


def _rest_users(users: list[VirtualUser], result: Result) -> None:
    """Let everybody finish what they are at: a write that is under way gets its answer."""
    for user in users:
        user.stopping.set()
    deadline = time.monotonic() + 180
    for user in users:
        user.join(timeout=max(0.1, deadline - time.monotonic()))
        result.broken += user.broken
        if user.is_alive():
            result.broken.append(f"{type(user).__name__} did not come to an end")


@contextmanager
def kept_folder(folder: Path) -> Iterator[Path]:
    """Make the folder of a run; it must not be there yet."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)  # PostgreSQL runs as another user
    yield folder
