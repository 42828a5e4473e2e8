"""A feature store in memory, by the rules of `modeling.training.store`, for tests that make hundreds of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb


class MemoryStore:
    """Tables of the contract as of any moment."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self.tables = dict(tables)

    def connect(self, *, as_of: datetime) -> duckdb.DuckDBPyConnection:
        made = duckdb.connect(":memory:", config={"threads": 2})
        made.execute("SET TimeZone = 'UTC'")
        at = f"TIMESTAMPTZ '{as_of:%Y-%m-%d %H:%M:%S.%f}+00'"
        for name, table in self.tables.items():
            made.register(f"{name}_rows", table)
            shown, known = "*", f"available_at <= {at}"
            if "withdrawn_at" in table.column_names:
                shown = f"* replace (case when withdrawn_at <= {at} then withdrawn_at end as withdrawn_at)"
                known += f" and (withdrawn_at is null or withdrawn_at > {at})"
            made.execute(f"create view {name} as select {shown} from {name}_rows where {known}")
        return made
