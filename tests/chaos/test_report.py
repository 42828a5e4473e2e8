"""What the exercise's scripts decide without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.check import overtakings
from tests.chaos.faults import Fault
from tests.chaos.ledger import Ledger, Outcome, Write, counts, of_kind, read_ledger
from tests.chaos.probe import recovery, share_ready
from tests.chaos.report import Facts, as_markdown, table

pytestmark = pytest.mark.pure


def _facts(**more: Any) -> Facts:
    given: dict[str, Any] = {"violations": {"no_half_plan": 0}, "settled_seconds": 3.0, **more}
    return Facts(command="c", begun="b", machine={}, minutes=1, people="nobody", **given)


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add(Write("edit", "1", "u", Outcome.ACKNOWLEDGED, 200, 2, 0.5, True, {"id": "x"}))
    ledger.add(Write("edit", "2", "u", Outcome.REFUSED, 412, 1, 0.1))
    ledger.add(Write("import", "3", "u", Outcome.UNKNOWN, 0, 9, 120.0))
    assert read_ledger(ledger.path) == ledger.writes
    assert [write.key for write in of_kind(ledger.writes, "edit")] == ["1"]
    assert counts(ledger.writes)["edit"] == {"acknowledged": 1, "refused": 1, "repeated": 1, "replayed": 1}


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [
        ([True] * 12, 0.0),
        ([True, False, False, False, False, True, True, True, True], 0.25),
        ([True, False, False, False, False, True, False, True, True, True], 0.75),
        ([True, False, False, False, False, False], None),
    ],
)
def test_recovery_is_told_from_three_good_looks_in_a_row(answers: list[bool], seconds: float | None) -> None:
    fault = Fault("PostgreSQL paused", "", begun=0.0, ended=1.0)
    looks = [(number * 0.25, answer) for number, answer in enumerate(answers)]
    assert recovery(fault, looks) == seconds
    assert share_ready(looks) == sum(answers) / len(answers)


def test_an_event_published_after_a_later_one_of_its_aggregate_is_counted() -> None:
    assert overtakings([("a", 1, "3"), ("a", 2, "2"), ("a", 3, "4"), ("b", 4, "0"), ("b", 4, "1")]) == 1


def test_the_verdict_follows_from_the_figures() -> None:
    assert _facts().holds
    assert not _facts(violations={"no_half_plan": 1}).holds
    assert not _facts(settled_seconds=None).holds
    assert _facts(errors={("503", "PostgreSQL paused"): 9}).holds
    assert not _facts(errors={("500", "between faults"): 1}).holds
    assert "| no answer is a 500 | 1 |" in as_markdown(_facts(errors={("500", "between faults"): 1}))
    assert not _facts(broken=["Coach.edit: KeyError: 'id'"]).holds
    assert "**Everything held.**" in as_markdown(_facts())
    told = as_markdown(_facts(violations={"no_half_plan": 1}, named={"no_half_plan": ["plan 1 has no head"]}))
    assert "**Not everything held**" in told
    assert "- plan 1 has no head" in told


def test_the_report_says_what_failed_during_which_fault() -> None:
    facts = _facts(
        figures={"writes": {"edit": {"acknowledged": 3, "repeated": 1}, "import": {"acknowledged": 2}}},
        errors={("503", "PostgreSQL paused"): 4},
        ready={"PostgreSQL paused": [1.0, 3.0, None]},
        caught_up={"PostgreSQL paused": [0.0, 5.0, 9.0]},
    )
    told = as_markdown(facts)
    assert "| all | 5 | 0 | 0 | 0 | 1 | 0 |" in told
    assert "| 503 | PostgreSQL paused | 4 |" in told
    assert "| PostgreSQL paused | 3 | 2.0 | 3.0 (never: 1) | 5.0 | 9.0 |" in told


def test_a_cell_cannot_break_its_table() -> None:
    assert table(("a",), [("x | y",)]).splitlines()[-1] == "| x / y |"
