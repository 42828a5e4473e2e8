from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.rollout.runs.conftest import admin, flag, live, policies, scientist, second  # noqa: F401


@dataclass
class Ended:
    """What a command printed, and its exit code."""

    code: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def rollout(*arguments: object, by: Any = None) -> Ended:
    """Run `rollout …` as somebody, as a script would (nobody is there to be asked)."""
    out, named = io.StringIO(), ["--as", by.email] if by else []
    try:
        call_command("rollout", *map(str, arguments), *named, stdout=out, stderr=io.StringIO())
    except CommandError as error:
        return Ended(error.returncode, out.getvalue() or str(error))
    return Ended(0, out.getvalue())


def rollout_json(*arguments: object, by: Any = None) -> Ended:
    return rollout(*arguments, "--json", by=by)


@pytest.fixture(autouse=True)
def _nobody_is_there(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
