"""Synthetic cohorts for the tests of training, as a store in memory."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modeling.training.contract import TABLES

AS_OF = datetime(2026, 11, 2, tzinfo=UTC)


class TableStore:
    """`modeling.training.store.FeatureStore` over tables that are there already."""

    def __init__(self, tables: dict[str, pa.Table], consented: frozenset[str] | None = None) -> None:
        self.tables = dict(tables)
        known = frozenset(tables["athletes"].column("athlete").to_pylist()) if consented is None else consented
        self._consented = known
        self._first = self._hash()

    def table(self, name: str, *, as_of: datetime) -> pa.Table:
        rows = self.tables[name]
        at = pa.scalar(as_of, pa.timestamp("us", tz="UTC"))
        known = pc.less_equal(rows.column("available_at"), at)
        if any(column.name == "withdrawn_at" for column in TABLES[name].columns):
            gone = pc.less_equal(rows.column("withdrawn_at"), at)
            known = pc.and_(known, pc.invert(pc.fill_null(gone, False)))
        return rows.filter(known)

    def data_sha256(self) -> str:
        return self._first

    def verify(self) -> None:
        if self._hash() != self._first:
            raise ValueError("a file differs from what was exported")

    def consented(self) -> frozenset[str]:
        return self._consented

    def _hash(self) -> str:
        total = hashlib.sha256()
        for name in sorted(self.tables):
            content = io.BytesIO()
            pq.write_table(self.tables[name], content)
            total.update(content.getvalue())
        return total.hexdigest()
