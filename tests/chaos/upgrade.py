"""Upgrade a release that is at work to this one, go back, and forward again; no request may fail, no write be lost.

`python -m tests.chaos.upgrade --from REF [--report FILE]`. Wants git, nginx, and the programs of PostgreSQL and Redis,
of which it starts its own. REF is a commit whose code starts with today's environment. What happens:

1. REF's tables, people (made by REF's services), two web processes behind nginx, worker, beat, relay; clients.
2. `migrate` of this release as the owner, while a transaction that has read the users stays open.
3. REF's code goes on, on the new tables.
4. This release's relay and worker, then web processes one at a time, then beat.
5. Back to REF's code (tables stay) in the reverse order, and forward again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from bench import machine
from tests.chaos.client import Client, Traffic
from tests.chaos.ledger import Ledger
from tests.chaos.locks import OWNER, LockWatch
from tests.chaos.nginx import Nginx
from tests.chaos.pages import PageReaders
from tests.chaos.releases import Release, release_of, this_release
from tests.chaos.rolling import READS, WRITE, stored, token
from tests.chaos.run import DATABASE, checked, settle
from tests.chaos.servers import Postgres, Redis, free_port
from tests.chaos.unpaused import Clients
from tests.chaos.upgrade_report import Phase, Seen, Upgrade, as_markdown
from tests.chaos.users import Coach, Runner, VirtualUser
from tests.chaos.world import PASSWORD, World, read_world
from tests.support.databases import ROOT
from tests.support.stack import Stack

FORWARD: Final = ("relay.1", "worker.1", "web.1", "web.2", "beat.1")
BLOCKED: Final = "accounts_user"
KEPT, NEW = 1, 1


class Watched(Traffic):
    """Traffic that knows when each request began, and counts 5xx and no answer as failures."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []

    def answered(self, status: int, seconds: float) -> None:
        """Keep an answer."""
        super().answered(status, seconds)
        self.tell(seconds, f"answer {status} to a coach or an athlete" if status >= 500 else "")

    def failed(self, error: Exception) -> None:
        """Keep a request without an answer."""
        super().failed(error)
        self.tell(0.0, f"no answer to a coach or an athlete: {type(error).__name__}")

    def tell(self, seconds: float, failure: str) -> None:
        """Keep what another client saw."""
        self.seen.append(Seen(time.time() - seconds, seconds, failure))


class Trial:
    """One upgrade: its servers, both releases, and who asks."""

    def __init__(self, asked: argparse.Namespace, folder: Path, ends: ExitStack) -> None:
        self.asked, self.folder = asked, folder
        self.old, self.new = release_of(asked.ref, folder / "old"), this_release()
        self.postgres = Postgres(folder / "postgres", free_port(5470, 5479))
        self.postgres.start()
        ends.callback(self.postgres.stop, "immediate")
        broker = Redis(folder / "redis", free_port(6410, 6419))
        broker.start()
        ends.callback(broker.stop)
        self.stack = Stack(
            folder / "stack",
            database=DATABASE,
            redis=f"redis://127.0.0.1:{broker.port}/0",
            port=free_port(8200, 8240),
            formation={"web": 2, "worker": 1, "beat": 1, "relay": 1},
            admin_url=self.postgres.admin_url,
            root=self.old.root,
            WEB_CONCURRENCY="1",
            WORKER_CONCURRENCY="1",
            WEB_ACCESS_LOG="no",
            GENERATION_LIMIT_PER_DAY="1000",
            **{f"THROTTLE_{name}": "off" for name in _LIMITS},
        )
        self.stack.commands = self.old.commands
        ends.callback(self.stack.stop)
        self.traffic, self.ledger = Watched(), Ledger(folder / "ledger.jsonl")
        self.phases: list[Phase] = []
        self.users: list[VirtualUser] = []

    def prepare(self) -> World:
        """Make the old release's tables, static files and people, and start it."""
        self.stack.prepare()
        env = {**self.stack.env_of_release, "CELERY_BROKER_URL": "memory://"}
        # By its path, so that all it imports is the old release's.
        command = [sys.executable, "-P", str(ROOT / "tests" / "chaos" / "world.py"), "1", str(self.asked.athletes)]
        made = subprocess.run(command, cwd=self.old.root, env=env, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"no people on the old release:\n{made.stderr[-4000:]}")
        self.stack.start()
        return read_world(made.stdout.strip().splitlines()[-1])

    def phase(self, name: str) -> None:
        """Begin a phase."""
        say(name)
        self.phases.append(Phase(name, time.time()))

    def go_on(self, name: str) -> None:
        """Let everybody work for a while."""
        self.phase(name)
        time.sleep(self.asked.seconds)

    def replace(self, release: Release, names: tuple[str, ...], nginx: Nginx) -> None:
        """Stop and start processes one at a time, with a release's code from then on."""
        self.stack.root, self.stack.commands = release.root, release.commands
        self.stack.manage("collectstatic", "--no-input", "--verbosity", "0")
        for name in names:
            kind, _, number = name.partition(".")
            if kind == "web":
                with nginx.without(int(number)):
                    self.stack.restart(name)
            else:
                self.stack.restart(name)

    def migrate(self) -> dict[str, Any]:
        """Migrate as the owner from this release's folder while a long transaction holds a table that all need."""
        url = self.stack.database_url(OWNER)
        command = [sys.executable, "manage.py", "migrate", "--json", "--lock-timeout", str(self.asked.lock_timeout)]
        env = {**self.stack.env, "PYTHONPATH": str(self.new.root), "DATABASE_URL": url}
        with (
            LockWatch(self.postgres.admin_url, DATABASE) as watch,
            long_transaction(self.postgres.admin_url, watch.waits, self.asked.blocked),
        ):
            begun = time.monotonic()
            done = subprocess.run(command, cwd=self.new.root, env=env, capture_output=True, text=True, check=False)
            took = time.monotonic() - begun
        if done.returncode:
            raise RuntimeError(f"migrate failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        tries = 1 + done.stderr.count("a lock is held")
        return {"locks": watch.found, "queued": watch.queued, "tries": tries, "migrate_seconds": took}

    def work(self, world: World, port: int) -> None:
        """Let coaches and athletes begin."""
        urls = [f"http://127.0.0.1:{port}"]
        kinds: list[Any] = [(person, Coach, ()) for person in world.coaches]
        kinds += [(person, Runner, (person,)) for person in world.athletes]
        for seed, (person, kind, more) in enumerate(kinds):
            client = Client(urls, person.email, PASSWORD, person.user_id, self.ledger, self.traffic)
            self.users.append(kind(client, seed, *more))
        for user in self.users:
            user.start()

    def rest(self) -> list[str]:
        """Let coaches and athletes finish what they are at; return what they could not use."""
        for user in self.users:
            user.stopping.set()
        for user in self.users:
            user.join(timeout=120)
        return [line for user in self.users for line in user.broken]


_LIMITS: Final = ("LOGIN", "LOGIN_ADDRESS", "REFRESH", "GENERATION", "PATCH", "REPORT")


def main() -> int:
    """Run one upgrade, print its report, and write it where that is asked for; 1 where something did not hold."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that our servers never outlive us
    facts = machine.facts()
    folder = Path(tempfile.mkdtemp(prefix="mesocycle-upgrade-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    say(f"everything is kept in {folder}")
    with ExitStack() as ends:
        upgrade = run(Trial(asked, folder, ends), facts)
    text = as_markdown(upgrade)
    sys.stdout.write(text)
    if asked.report:
        asked.report.write_text(text, encoding="utf-8")
    if upgrade.holds and not asked.keep:
        shutil.rmtree(folder)
    return 0 if upgrade.holds else 1


def run(trial: Trial, facts: dict[str, str]) -> Upgrade:
    """Run it and return what happened."""
    asked, stack, traffic = trial.asked, trial.stack, trial.traffic
    world = trial.prepare()
    back = tuple(reversed(FORWARD))
    with Nginx(trial.folder / "nginx", stack.port + 5, stack.urls) as nginx:
        time.sleep(1)
        headers = {
            "X-Forwarded-Proto": "https",
            "Authorization": f"Bearer {token(nginx.port, world.operators[0].email, PASSWORD)}",
        }
        clients = Clients("127.0.0.1", nginx.port, headers, [*READS, WRITE], kept=KEPT, new=NEW, tell=traffic.tell)
        with clients, PageReaders(f"http://127.0.0.1:{nginx.port}", traffic.tell):
            trial.work(world, nginx.port)
            trial.go_on("old code, old tables")
            trial.phase("old code, migrating")
            migrated = trial.migrate()
            trial.go_on("old code, new tables")
            for name, release, order in (
                ("forward", trial.new, FORWARD), ("back", trial.old, back), ("forward again", trial.new, FORWARD),
            ):  # fmt: skip
                trial.phase(f"{name}: replacing")
                trial.replace(release, order, nginx)
                trial.go_on(f"{name}: done")
            broken = trial.rest()
    ended = time.time()
    say("waiting until nothing is open")
    _, left_open = settle(trial.postgres, stack)
    stack.stop()
    say("checking")
    found = checked(stack, trial.ledger)
    written = clients.told.written
    acknowledged = sum(row.get("acknowledged", 0) for row in found["figures"]["writes"].values())
    return Upgrade(
        command=f"python -m tests.chaos.upgrade --from {asked.ref} --athletes {asked.athletes}"
        f" --seconds {asked.seconds:g} --blocked {asked.blocked:g}",
        machine=facts, old=trial.old.commit, new=trial.new.commit,
        migrations=sorted(trial.new.migrations - trial.old.migrations),
        people=f"{len(world.athletes)} athletes, their coaches and {KEPT + NEW + 1} unpaused clients",
        phases=trial.phases, ended=ended, seen=traffic.seen,
        blocked_table=BLOCKED, blocked_seconds=asked.blocked, lock_timeout=asked.lock_timeout,
        violations=found["violations"], named=found["named"], writes=found["figures"]["writes"],
        lost=len(set(written) - stored(stack)), acknowledged=len(written) + acknowledged,
        jobs=failed_jobs(stack), unknown=unknown_messages(stack), left_open=left_open, broken=broken, **migrated,
    )  # fmt: skip


@contextmanager
def long_transaction(admin_url: str, waits: threading.Event, seconds: float) -> Any:
    """Read a table, and stay in the transaction for some seconds after a migration began to wait for it.

    As a report does that takes long, or a session that somebody forgot.
    """
    ends = threading.Event()

    def stay() -> None:
        with psycopg.connect(admin_url, dbname=DATABASE) as server:
            server.execute(f"SELECT count(*) FROM {BLOCKED}")
            while not ends.is_set() and not waits.wait(0.1):
                pass
            ends.wait(seconds)

    thread = threading.Thread(target=stay)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def failed_jobs(stack: Stack) -> dict[str, int]:
    """Return how many jobs failed, by kind."""
    query = "SELECT kind, count(*) FROM jobs WHERE state = 'failed' GROUP BY kind"
    with psycopg.connect(stack.admin_url, dbname=stack.database) as database:
        return dict(database.execute(query).fetchall())


def unknown_messages(stack: Stack) -> dict[str, int]:
    """Return how many messages a worker threw away because it did not know their task, and events put aside."""
    log = stack.log("worker.1")
    with psycopg.connect(stack.admin_url, dbname=stack.database) as database:
        ((dead,),) = database.execute("SELECT count(*) FROM telemetry_dead_letters").fetchall()
    found = {"tasks": log.count("Received unregistered task"), "dead letters": dead}
    return {name: count for name, count in found.items() if count}


def say(text: str) -> None:
    """Tell who watches."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S', time.gmtime())}  {text}\n")
    sys.stderr.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="ref", required=True, help="commit of the old release")
    parser.add_argument("--athletes", type=int, default=4, help="virtual athletes (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of work in each phase (default: %(default)s)")
    parser.add_argument(
        "--blocked", type=float, default=30.0, help="seconds that the long transaction goes on once waited for"
    )
    parser.add_argument("--lock-timeout", type=float, default=2.0, help="that `migrate` gets; 0 shows what it is for")
    parser.add_argument("--report", type=Path, help="file to write the report to, besides the screen")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs also where all held")
    asked = parser.parse_args()
    missing = [name for name in ("git", "nginx", "redis-server") if shutil.which(name) is None]
    if missing:
        parser.error(f"not installed: {', '.join(missing)}")
    os.environ.pop("TEST_ON_POSTGRES", None)
    return asked


if __name__ == "__main__":
    sys.exit(main())
