"""The API guide is run as it stands: every command by curl against a real server with the demo's synthetic athletes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import PROBLEM_TYPES
from common.problem import FRAMEWORK_PROBLEMS
from tests.docs.guide import differences, differing, run, steps_of
from tests.support.databases import ROOT, Databases
from tests.support.processes import Server, serving

GUIDE = (ROOT / "docs" / "api-guide.md").read_text(encoding="utf-8")


@pytest.fixture
def server(databases: Databases, tmp_path: Path, worker_id: str) -> Iterator[Server]:
    """A real server on a copy of the demo's data, which is made once a run."""
    yield from serving(databases, databases.demo(), tmp_path, worker_id)


@pytest.mark.server
@pytest.mark.once
def test_guide_answers_as_it_says(server: Server, tmp_path: Path) -> None:
    steps = steps_of(GUIDE)
    assert len(steps) > 20
    answers = run(steps, {"BASE": server.url}, tmp_path)
    wrong = [text for step, answer in zip(steps, answers, strict=True) for text in differences(step, answer)]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.pure
def test_guide_explains_every_problem_type() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| (\d{3}) \|", GUIDE, re.MULTILINE)
    told = {(slug, int(status)) for slugs, status in rows for slug in re.findall(r"`([a-z-]+)`", slugs)}
    ours = {(slug, kind.status) for slug, kind in PROBLEM_TYPES.items() if not kind.__module__.startswith("tests.")}
    assert told == ours | {(slug, status) for status, (slug, _, _) in FRAMEWORK_PROBLEMS.items()}


@pytest.mark.pure
@pytest.mark.parametrize(
    ("shown", "given", "wrong"),
    [
        ({"a": "…", "…": "…"}, {"a": {"b": 1}, "c": 2}, 0),
        ({"a": 1}, {"a": 7.5}, 0),
        ({"a": 1}, {"a": "7"}, 1),
        ({"a": True}, {"a": 1}, 1),
        ({"a": None}, {"a": 1}, 1),
        ({"a": 1}, {"a": 1, "b": 2}, 1),
        ({"a": 1, "b": 2, "…": "…"}, {"a": 1}, 1),
        (["x", "…"], ["x", "y", "z"], 0),
        (["x", "…"], [], 1),
        (["x"], ["x", "y"], 1),
        ("seen 2026-01-02", "seen 2027-11-30", 0),
        ("seen 2026-01-02", "seen yesterday", 1),
        ("draft", "published", 1),
    ],
)
def test_shapes_are_compared(shown: object, given: object, wrong: int) -> None:
    assert len(differing(shown, given)) == wrong
