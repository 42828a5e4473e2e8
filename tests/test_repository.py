"""What must hold for the repository as a whole."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from common.management.base import MesocycleCommand
from tests.support.databases import ROOT

pytestmark = pytest.mark.pure

OURS = ("common", "audit", "telemetry", "accounts", "modeling", "rollout", "experiments", "plans", "config", "bench")


def tracked(*patterns: str) -> list[Path]:
    """Files that git tracks, as it lists them."""
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines()]


def test_lock_is_hashed_and_names_no_address():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9_.-]+==", lock, flags=re.MULTILINE | re.IGNORECASE)
    assert len(pinned) > 50
    assert lock.count("--hash=sha256:") >= len(pinned)
    assert "://" not in lock


def test_no_path_of_a_machine_and_no_package_index():
    forbidden = re.compile("|".join(["/" + "work/", "/" + "root/", "py" + "pi.org", "index" + "-url=", "npm" + "js"]))
    found = [
        path
        for path in tracked("*.py", "*.md", "*.toml", "Makefile", ".ci/run", "*.html", "*.js")
        if forbidden.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_modules_fit_in_the_head():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked(*(f"{folder}/*.py" for folder in OURS))
        if "/migrations/" not in str(path) and (lines := path.read_text(encoding="utf-8").count("\n")) > 450
    }
    assert long == {}


def test_every_command_of_ours_has_help_and_exit_codes():
    ours = {name: app for name, app in get_commands().items() if isinstance(app, str) and app.split(".")[0] in OURS}
    assert len(ours) >= 9
    for name, app in ours.items():
        command = load_command_class(app, name)
        assert isinstance(command, MesocycleCommand), name
        assert command.help, name
        assert "exit codes" in command.create_parser("manage.py", name).format_help()
