"""A release: a folder with its code, and the commands that its processes are started by."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from honcho.environ import parse_procfile

from tests.support.databases import ROOT

# How releases from before the Procfile were started.
_BEFORE_PROCFILE: Final = {
    "web": "gunicorn --bind 127.0.0.1:$PORT --workers 1 --worker-class gthread --threads 4 --graceful-timeout 45"
    " --keep-alive 5 --no-control-socket config.wsgi",
    "worker": "celery --app config worker --hostname $CELERY_NODE@%h --concurrency 1 --loglevel WARNING",
    "beat": "celery --app config beat --loglevel WARNING --schedule $MESOCYCLE_VAR/beat",
    "relay": "python manage.py relay",
}


@dataclass(frozen=True)
class Release:
    """Code in a folder, as the commit says, and how to start its processes."""

    commit: str
    root: Path
    commands: dict[str, str]

    @property
    def migrations(self) -> set[str]:
        """The names of its migrations: `app.0001_name`."""
        files = self.root.glob("*/migrations/[0-9]*.py")
        return {f"{file.parent.parent.name}.{file.stem}" for file in files}


def this_release() -> Release:
    """Return the code that this script belongs to."""
    return Release(_git("rev-parse", "--short", "HEAD").decode().strip(), ROOT, _commands(ROOT))


def release_of(ref: str, folder: Path) -> Release:
    """Write a commit's files to a folder that is not there yet.

    Raises:
        CalledProcessError: git does not know the commit.
    """
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", ref))) as files:
        files.extractall(folder, filter="data")
    return Release(_git("rev-parse", "--short", ref).decode().strip(), folder, _commands(folder))


def _commands(root: Path) -> dict[str, str]:
    path = root / "Procfile"
    return dict(parse_procfile(path.read_text()).processes) if path.exists() else dict(_BEFORE_PROCFILE)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout
