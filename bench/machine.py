"""The machine and the versions that a figure was taken with: what stands above every report."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

PACKAGES: Final = (
    "Django",
    "djangorestframework",
    "gunicorn",
    "celery",
    "redis",
    "psycopg",
    "numpy",
    "scipy",
    "duckdb",
    "pyarrow",
)
SERVERS: Final = (("PostgreSQL", ("psql", "--version")), ("Redis", ("redis-server", "--version")))
GIBIBYTE: Final = 2**30


def facts() -> dict[str, str]:
    """Return name and value of what a reader needs to judge a figure; "not found" where the machine does not tell."""
    found = {
        "taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores for this process",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / GIBIBYTE:.0f} GiB",
        "load before": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": f"{platform.system()} {_number(platform.release())}",
        "Python": platform.python_version(),
    }
    found |= {name: _version(name) for name in PACKAGES}
    return found | {name: _number(_told(command)) for name, command in SERVERS}


def markdown(named: dict[str, str]) -> str:
    """Return facts as a Markdown table."""
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in named.items())])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or "not found"


def _commit() -> str:
    """Return the commit; with a plus where the working tree differs from it."""
    commit = _told(("git", "rev-parse", "--short", "HEAD"))
    return commit + ("+" if _told(("git", "status", "--porcelain", "-uno")) not in ("", "not found") else "")


def _number(text: str) -> str:
    """Return the first version number of a text, the text itself where it has none."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else text


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not found"


def _told(command: tuple[str, ...]) -> str:
    if shutil.which(command[0]) is None:
        return "not found"
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    return done.stdout.strip() if done.returncode == 0 else "not found"
