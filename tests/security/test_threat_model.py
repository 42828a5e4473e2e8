"""The threat model names tests that exist, and every threat that can be tried names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.databases import ROOT

pytestmark = [pytest.mark.pure, pytest.mark.once]

PAGE = Path(ROOT, "docs", "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)


def test_each_test_that_is_named_exists() -> None:
    missing = []
    for file, name in NAMED:
        path = Path(ROOT, file)
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        if not found or name and name not in found:
            missing.append(f"{file}::{name}")
    assert missing == []
    assert len(NAMED) > 60


def test_each_threat_names_a_test_but_the_one_that_needs_the_net() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| [STRIDE] \|", line)]
    assert [row.split(" | ")[1] for row in rows if "`tests/" not in row] == ["a known weakness in a package"]
    assert {row[2] for row in rows} == set("STRIDE")


def test_every_test_of_security_stands_in_the_model() -> None:
    told = {file for file, _ in NAMED}
    here = {path.relative_to(ROOT).as_posix() for path in Path(__file__).parent.glob("test_*.py")}
    assert here - told == set()
