"""`manage.py warehouse`: asking reaches nothing but the published tables; building fails without harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import CommandError, call_command

from common.errors import WrongState
from telemetry.warehousing import build as building
from telemetry.warehousing import daily, published
from telemetry.warehousing.build import build
from telemetry.warehousing.dbt import Node
from telemetry.warehousing.published import Build, current, publish
from tests.telemetry.warehouse.building import places

pytestmark = [pytest.mark.pure, pytest.mark.long]

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Path]:
    """A published build of one table."""
    with places(tmp_path):
        _publish("20260301T020000-1", value=1)
        yield tmp_path / "warehouse"


def _publish(name: str, *, value: int) -> Build:
    folder = published.root() / "marts" / name
    folder.mkdir(parents=True)
    duckdb.sql(f"SELECT {value} AS value, DATE '2026-03-02' AS day").to_parquet(str(folder / "mart_one.parquet"))
    told = Build(name, NOW, NOW, 1.0, "duckdb", 5, 0, NOW, False, 3, ("mart_one",))
    publish(told)
    return told


def _run(*arguments: str, code: int = 0) -> str:
    out, err = StringIO(), StringIO()
    try:
        call_command("warehouse", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        assert error.returncode == code, error
        return str(error)
    assert code == 0, out.getvalue()
    return out.getvalue()


def test_asking_answers_as_a_table_json_or_csv(warehouse: Path) -> None:
    query = "SELECT value + i AS value, day FROM mart_one, range(3) t(i) ORDER BY 1"
    assert "2026-03-02" in _run("query", query)
    told = json.loads(_run("--json", "query", query, "--limit", "2"))
    assert told["rows"] == [{"value": 1, "day": "2026-03-02"}, {"value": 2, "day": "2026-03-02"}] and told["cut"]
    assert _run("query", query, "--csv").splitlines()[:2] == ["value,day", "1,2026-03-02"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_parquet('/tmp/*')",
        "SELECT * FROM read_text('http://localhost/')",
        "COPY mart_one TO 'mine.csv'",
        "ATTACH 'mine.duckdb'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "DROP VIEW mart_one",
        "SELECT 1; SELECT 2",
        "SELECT nothing FROM nowhere",
        "no SQL at all",
        "",
    ],
)
def test_asking_reaches_nothing_else(warehouse: Path, query: str) -> None:
    before = sorted(warehouse.rglob("*"))
    _run("query", query, code=2)
    assert sorted(warehouse.rglob("*")) == before


def test_nothing_built_yet_says_what_to_do(tmp_path: Path) -> None:
    with places(tmp_path):
        assert "warehouse build" in _run("query", "SELECT 1", code=4)
        _run("status", code=2)


def test_readers_of_a_build_keep_it_while_the_next_is_published(warehouse: Path) -> None:
    first = current()
    assert first is not None
    _publish("20260302T020000-2", value=2)
    second = current()
    assert second is not None and second.name != first.name and first.file("mart_one").exists()
    _publish("20260303T020000-3", value=3)
    assert not first.folder.exists() and second.file("mart_one").exists()
    with pytest.raises(KeyError):
        second.file("another")


def _fails(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(daily, "raise_alert", lambda name, *, text, **_: told.append(text))

    def run(*_: Any, **__: Any) -> list[Node]:
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome]

    monkeypatch.setattr(building.dbt, "run", run)
    return told


def test_a_failed_test_publishes_nothing_and_is_told(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    told = _fails(monkeypatch, Node("unique_fct_plans_plan_id", "test", "fail", 0.1, "Got 2 results", 2))
    before = current()
    failed = json.loads(_run_failing("--json", "build"))
    assert failed["bad"][0]["name"] == "unique_fct_plans_plan_id"
    assert current() == before
    (Path(settings.TELEMETRY_DIR) / "type=x" / "day=2026-03-01").mkdir(parents=True)
    (Path(settings.TELEMETRY_DIR) / "type=x" / "day=2026-03-01" / "a.parquet").touch()
    daily.build_daily()
    assert "unique_fct_plans_plan_id failed" in told[0] and current() == before


def test_a_build_that_cannot_begin_is_told_and_leaves_no_trace(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    told = _fails(monkeypatch, OSError("disk full: /somewhere/secret"))
    assert daily.build_daily() is None and told == []  # no event was published
    (Path(settings.TELEMETRY_DIR) / "type=x" / "day=2026-03-01").mkdir(parents=True)
    (Path(settings.TELEMETRY_DIR) / "type=x" / "day=2026-03-01" / "a.parquet").touch()
    assert daily.build_daily() is None
    assert told and "OSError" in told[0] and "secret" not in told[0]
    assert [one.name for one in warehouse.iterdir() if one.name.startswith(".build")] == []


def test_two_builds_do_not_run_at_once(warehouse: Path) -> None:
    with building._alone(published.root()), pytest.raises(WrongState):
        build()


def _run_failing(*arguments: str) -> str:
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("warehouse", *arguments, stdout=out, stderr=StringIO())
    assert caught.value.returncode == 1
    return out.getvalue()
