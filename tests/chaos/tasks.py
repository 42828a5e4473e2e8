"""No task lost and none done twice: workers stopped and killed at work, two beats of which one leads.

`python -m tests.chaos.tasks [--only stopped,killed,beats] [--report FILE]`. Wants PostgreSQL and Redis. Parts:

- stopped: a worker gets SIGTERM with jobs at hand; it ends them, the other does the rest, each is tried once.
- killed: a worker and its children get SIGKILL with jobs at hand; the other does them when their lease ran out.
- beats: the leader is killed, later another leader is paused and goes on. No worker runs meanwhile, so that what was
  sent lies in Redis, where it is compared with the turns that the database counted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil
import psycopg
import redis

from bench import machine
from tests.chaos.sections import rows_as_table, write_section
from tests.support.databases import ROOT
from tests.support.stack import Stack

ATHLETES, REFITS_EACH = 6, 6  # enough for a worker to be met at work
PARTS: Final = ("stopped", "killed", "beats")
TITLES: Final = {
    "stopped": "A worker stopped at work",
    "killed": "A worker killed at work",
    "beats": "Two beats, one killed, one paused",
}
WHAT: Final = {
    "stopped": "A worker got SIGTERM with jobs at hand; another went on. `tries` is by number of tries, how many jobs.",
    "killed": "A worker and its children got SIGKILL with jobs at hand; another did them when their lease ran out.",
    "beats": "The leading beat was killed, later the one that led was paused and went on. Turns counted by the database"
    " are compared with messages found in Redis: none may be there twice; one may be missing, where the beat was killed"
    " between claim and message (decision 0012).",
}
WATCHED: Final = "seal audit events"  # due each second: its count is the schedule's pulse
PAUSE_SECONDS: Final = 20.0


def main() -> int:
    """Run the parts and print what each came to; 1 where a task was lost or done twice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis", default=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/1"))
    parser.add_argument("--database", default="stack_tasks")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts, separated by commas")
    parser.add_argument("--report", type=Path, help="Markdown file of which to write this script's section")
    asked = parser.parse_args()
    stack = Stack(
        Path(tempfile.mkdtemp(prefix="mesocycle-tasks-")),
        database=asked.database,
        redis=asked.redis,
        port=0,
        formation={"worker": 2, "beat": 2},
        ENVIRONMENT_NAME="local",
        WORKER_CONCURRENCY="1",
    )
    facts, found = machine.facts(), dict[str, dict[str, Any]]()
    try:
        stack.prepare()
        for part in asked.only.split(","):
            found[part] = {"stopped": stopped, "killed": killed, "beats": beats}[part](stack)
            sys.stdout.write(json.dumps({"part": part, **found[part]}) + "\n")
            sys.stdout.flush()
            if asked.report:
                body = f"{WHAT[part]}\n\n{rows_as_table([found[part]])}"
                write_section(asked.report, TITLES[part], f"python -m tests.chaos.tasks --only {part}", facts, body)
        return int(not all(told["holds"] for told in found.values()))
    finally:
        stack.stop()
        stack.remove()


def stopped(stack: Stack) -> dict[str, Any]:
    """Stop a worker that is at work."""
    stack.start("worker.1", "worker.2", "beat.1")
    queueing = queue_jobs(stack)
    victim = busy_worker(stack)
    started = time.monotonic()
    stack.stop(victim)
    took = time.monotonic() - started
    jobs = ids_of(queueing)
    rows = finished(stack, jobs)
    stack.stop()
    tries = Counter(attempts for _, attempts, _ in rows)
    holds = [state for state, _, _ in rows] == ["done"] * len(jobs) and set(tries) == {1}
    return {"holds": holds, "jobs": len(rows), "tries": dict(tries), "worker_ended_after_s": round(took, 1)}


def killed(stack: Stack) -> dict[str, Any]:
    """Kill a worker that is at work."""
    stack.start("worker.1", "worker.2", "beat.1")
    queueing = queue_jobs(stack)
    victim = busy_worker(stack)
    stack.kill(victim)
    started = time.monotonic()
    jobs = ids_of(queueing)
    rows = finished(stack, jobs)
    took = time.monotonic() - started
    stack.stop()
    tries = Counter(attempts for _, attempts, _ in rows)
    by_victim = [row for row in rows if row[2].startswith(victim)]
    holds = [state for state, _, _ in rows] == ["done"] * len(jobs) and max(tries) == 2
    told = {"tries": dict(tries), "done_by_the_killed_one_before": len(by_victim), "all_done_after_s": round(took, 1)}
    return {"holds": holds, "jobs": len(rows), **told}


def beats(stack: Stack) -> dict[str, Any]:
    """Kill the leading beat, then pause the one that leads."""
    empty_queue(stack)
    before = turns(stack)
    stack.start("beat.1", "beat.2")
    wait(lambda: turns(stack)[WATCHED] > before[WATCHED] + 3)
    first = leader(stack)
    stack.kill(first)
    after_kill = until_next_turn(stack)
    stack.start(first)
    wait(lambda: stands_by(stack, first))
    time.sleep(5)
    second = leader(stack)
    stack.signal(second, signal.SIGSTOP)
    after_pause = until_next_turn(stack)
    time.sleep(PAUSE_SECONDS)
    stack.signal(second, signal.SIGCONT)
    time.sleep(10)
    third = leader(stack)
    stack.stop("beat.1", "beat.2")
    counted, found = turns(stack) - before, sent(stack)
    differences = {name: found[name] - counted[name] for name in found | counted if found[name] != counted[name]}
    holds = list(differences.values()) in ([], [-1]) and len({first, second}) == 2 and third == first
    return {
        "holds": holds,
        "leaders": [first, second, third],
        "taken_over_after_kill_s": round(after_kill, 1),
        "taken_over_after_pause_s": round(after_pause, 1),
        "turns": counted.total(),
        "sent": found.total(),
        "differences": differences,
    }


def queue_jobs(stack: Stack) -> subprocess.Popen[str]:
    """Begin to make synthetic athletes and to queue refits of each."""
    command = [sys.executable, "-m", "tests.chaos.refits", str(ATHLETES), str(REFITS_EACH)]
    return subprocess.Popen(command, cwd=ROOT, env=stack.env, stdout=subprocess.PIPE, text=True)


def ids_of(queueing: subprocess.Popen[str]) -> list[str]:
    """Return the ids of the jobs, once all are queued.

    Raises:
        RuntimeError: they could not be.
    """
    told, _ = queueing.communicate()
    if queueing.returncode:
        raise RuntimeError("the jobs were not queued")
    return list(json.loads(told))


def busy_worker(stack: Stack) -> str:
    """Wait until a worker runs a refit; return its name."""
    found = list[str]()

    def look() -> bool:
        rows = ask(stack, "SELECT worker FROM jobs WHERE state = 'running' AND kind = 'modeling.refit'", [])
        found[:] = [worker.partition("@")[0] for (worker,) in rows if worker]
        return bool(found)

    wait(look, seconds=300)
    return found[0]


def finished(stack: Stack, jobs: list[str]) -> list[tuple[str, int, str]]:
    """Wait until all jobs have ended; return state, attempts and worker of each."""
    query = "SELECT state, attempts, worker FROM jobs WHERE id = ANY(%s::uuid[])"
    wait(lambda: all(state in ("done", "failed") for state, _, _ in ask(stack, query, [jobs])), seconds=300)
    return ask(stack, query, [jobs])


def turns(stack: Stack) -> Counter[str]:
    """Return how many turns of each task were claimed."""
    return Counter(dict(ask(stack, "SELECT name, total_run_count FROM django_celery_beat_periodictask", [])))


def sent(stack: Stack) -> Counter[str]:
    """Return how many messages of each task lie in the queue."""
    with redis.Redis.from_url(stack.env["CELERY_BROKER_URL"]) as server:
        raw = server.lrange(f"{stack.env['REDIS_KEY_PREFIX']}:celery", 0, -1)
    headers = [json.loads(message)["headers"] for message in raw]  # type: ignore[union-attr]
    return Counter(str(one["periodic_task_name"]) for one in headers if one.get("periodic_task_name"))


def empty_queue(stack: Stack) -> None:
    """Remove what other parts left; nobody is at work."""
    with redis.Redis.from_url(stack.env["CELERY_BROKER_URL"]) as server:
        server.delete(f"{stack.env['REDIS_KEY_PREFIX']}:celery")


def leader(stack: Stack) -> str:
    """Return the name of the beat that holds the lease."""
    ((holder,),) = ask(stack, "SELECT holder FROM leases WHERE name = 'beat'", [])
    pid = int(holder.split(":")[1])
    return next((name for name in ("beat.1", "beat.2") if stack.is_running(name) and stack.pid(name) == pid), "")


def stands_by(stack: Stack, name: str) -> bool:
    """Return whether a beat that was started has come as far as to ask the database."""
    port = urlsplit(stack.admin_url).port or 5432
    return any(one.raddr and one.raddr.port == port for one in psutil.Process(stack.pid(name)).net_connections("tcp"))


def until_next_turn(stack: Stack) -> float:
    """Return how many seconds it took until a turn was claimed again."""
    started, before = time.monotonic(), turns(stack)[WATCHED]
    wait(lambda: turns(stack)[WATCHED] > before)
    return time.monotonic() - started


def ask(stack: Stack, query: str, values: list[Any]) -> list[Any]:
    """Ask the stack's database."""
    with psycopg.connect(stack.admin_url, dbname=stack.database) as database:
        return database.execute(query, values).fetchall()  # type: ignore[arg-type]


def wait(until: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
