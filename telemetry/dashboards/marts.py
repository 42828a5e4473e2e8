"""Questions to the published marts: DuckDB in memory, values bound, never written into SQL."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Final, Self

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.reach import Reach
from telemetry.warehousing.published import Build

REACHED: Final = "($coaches::VARCHAR[] IS NULL OR list_contains($coaches::VARCHAR[], coach_id))"
ARM: Final = (
    "($arm = '' OR coalesce(experiment_arm, '') = $arm OR starts_with(coalesce(experiment_arm, ''), $arm || ':'))"
)
SPORT: Final = "($sport = '' OR coalesce(sport, '') = $sport)"
WEEKS: Final = "week >= $start AND week < $until"
_NAMES: Final = re.compile(r"\$(\w+)")
_TABLES: Final = ("mart_", "fct_", "dim_")


class NotInstalled(Exception):
    """The extra [warehouse] is not there."""


class OtherBuild(Exception):
    """The published build lacks what is asked for: an older version made it, or a newer build took its place."""


class Marts:
    """One build's tables for one reader; `$mart_…` in SQL is a table's file, `$coaches` the reader's reach.

    Raises:
        NotInstalled: there is no DuckDB here.
    """

    def __init__(self, build: Build, reach: Reach) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise NotInstalled from error
        self.build, self.reach = build, reach
        self._faults = (duckdb.IOException, duckdb.BinderException)
        self._connection = duckdb.connect(":memory:", config={"threads": 2})
        self._connection.execute("SET TimeZone = 'UTC'")
        self._bound = {"coaches": None if reach.coaches is None else sorted(reach.coaches)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._connection.close()

    def rows(self, sql: str, asked: Asked | None = None, **more: Any) -> list[dict[str, Any]]:
        """Return the rows of a question; what the page was asked for is bound by name (`$start`, `$arm`, …).

        Raises:
            OtherBuild: see there.
        """
        known = {**self._bound, **(asked.parameters() if asked else {}), **more}
        names = set(_NAMES.findall(sql))
        try:
            bound = {name: self._file(name) if name.startswith(_TABLES) else known[name] for name in names}
            found = self._connection.execute(sql, bound)
            columns = [one[0] for one in found.description]
            return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        except self._faults as error:
            raise OtherBuild(str(error)) from error

    def _file(self, table: str) -> str:
        try:
            return str(self.build.file(table))
        except KeyError as error:
            raise OtherBuild(f"no table {table}") from error
