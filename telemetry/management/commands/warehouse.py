"""Build the warehouse from the files of events, test it, document it, ask it."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from common.errors import InvalidInput, WrongState
from common.management.base import BAD_INPUT, PARTLY_FAILED, AsOfMixin
from telemetry.warehousing import published
from telemetry.warehousing.build import Outcome, build, document
from telemetry.warehousing.dbt import DbtFailed

LIMIT: Final = 1000


class Command(AsOfMixin):
    """`warehouse build | test | docs | query | status`."""

    help = "The warehouse: events become facts, dimensions and marts by dbt, in DuckDB or PostgreSQL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do."""
        super().add_arguments(parser)
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, says in (
            ("build", "build and test everything and give it to readers; what they had stays where a test fails"),
            ("test", "build and test everything, and give it to nobody"),
        ):
            actions.add_parser(name, help=says)
        docs = actions.add_parser("docs", help="write the documentation of all tables as one page")
        docs.add_argument("--to", type=Path, help="folder (default: docs in the warehouse's folder)")
        query = actions.add_parser("query", help="ask the published tables in SQL (DuckDB's)")
        query.add_argument("sql", help="one SELECT; `SHOW TABLES` lists what there is")
        query.add_argument("--limit", type=int, default=LIMIT, help="rows at most (default: %(default)s)")
        query.add_argument("--csv", action="store_true", help="rows as CSV")
        actions.add_parser("status", help="what readers have now")

    def run(self, **options: Any) -> int | None:
        """Do it."""
        missing = [name for name in ("duckdb", "pyarrow", "dbt") if importlib.util.find_spec(name) is None]
        if missing:
            raise WrongState(f"{', '.join(missing)} not installed: install the extra [warehouse].")
        try:
            works: dict[str, Callable[..., int | None]] = {
                "build": self._build,
                "test": self._build,
                "docs": self._docs,
                "query": self._query,
                "status": self._status,
            }
            return works[options["action"]](**options)
        except DbtFailed as error:
            self.note(str(error))
            return PARTLY_FAILED

    def _build(self, *, action: str, **_: Any) -> int | None:
        with self.progress() as bar:
            task = bar.add_task("building", total=None)
            done = build(publishing=action == "build")
            bar.update(task, total=1, completed=1)
        bad = [{"name": one.name, "status": one.status, "rows": one.rows_failing, "message": one.message}
               for one in done.bad]  # fmt: skip
        told = {"files": done.files, "unreadable_files": done.unreadable, **_counts(done), "bad": bad}
        if done.build:
            told |= {"build": done.build.name, "events": done.build.events, "quarantined": done.build.quarantined,
                     "seconds": done.build.seconds}  # fmt: skip
        if self.as_json:
            self.emit(told)
        else:
            self.table([{"what": name, "number": value} for name, value in told.items() if name != "bad"])
            if bad:
                self.table(bad, title="Failed or left out")
                self.note("Readers keep what they had.")
        return PARTLY_FAILED if bad else None

    def _docs(self, *, to: Path | None, **_: Any) -> int | None:
        page = document(to or published.root() / "docs")
        self.emit({"page": str(page)}) if self.as_json else self.stdout.write(str(page))
        return None

    def _query(self, *, sql: str, limit: int, **options: Any) -> int | None:
        from telemetry.warehousing.querying import ask

        if limit < 1:
            raise InvalidInput("--limit is 1 or more.", pointer="/limit")
        answer = ask(_current(), sql, limit=limit)
        names = [name for name, _ in answer.columns]
        if self.as_json:
            self.emit({"columns": [{"name": name, "type": kind} for name, kind in answer.columns],
                       "rows": [dict(zip(names, row, strict=True)) for row in answer.rows],
                       "cut": answer.is_cut})  # fmt: skip
        elif options["csv"]:
            writer = csv.writer(self.stdout)
            writer.writerow(names)
            writer.writerows(answer.rows)
        else:
            self.table([dict(zip(names, row, strict=True)) for row in answer.rows])
        if answer.is_cut:
            self.note(f"There are more than {limit} rows: --limit.")
        return None

    def _status(self, **_: Any) -> int | None:
        found = published.current()
        if found is None:
            self.emit({"build": None}) if self.as_json else self.note("Nothing was built yet: warehouse build.")
            return BAD_INPUT
        told = {"build": found.name, "as_of": found.as_of, "built_at": found.built_at, "target": found.target,
                "events": found.events, "quarantined": found.quarantined, "newest_event": found.newest_event,
                "synthetic": found.has_synthetic, "tests": found.tests, "seconds": found.seconds}  # fmt: skip
        if self.as_json:
            self.emit(told)
        else:
            self.table([{"what": name, "value": value} for name, value in told.items()])
        return None


def _counts(done: Outcome) -> dict[str, int]:
    return {
        "models": sum(one.kind == "model" for one in done.nodes),
        "tests": sum(one.kind == "test" for one in done.nodes),
    }


def _current() -> published.Build:
    found = published.current()
    if found is None:
        raise WrongState("Nothing was built yet: manage.py warehouse build.")
    return found
