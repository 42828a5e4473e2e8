"""Arrow tables by the contract, made of columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modeling.training.contract import TABLES
from modeling.training.store_write import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


def as_table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of the contract; columns that are not given are null.

    Args:
        columns: arrays or lists of one length; days as days and moments as microseconds since 1970, or as such.

    Raises:
        ValueError: a column that the contract does not have, or a required one that is missing or has nulls.
    """
    import pyarrow as pa

    table = TABLES[name]
    unknown = columns.keys() - {column.name for column in table.columns}
    if unknown:
        raise ValueError(f"{name} has no column {', '.join(sorted(unknown))}")
    rows = len(next(iter(columns.values()))) if columns else 0
    arrays = []
    for column in table.columns:
        array = _array(columns.get(column.name), arrow_type(column.kind), rows)
        if column.required and array.null_count:
            raise ValueError(f"{name}: {column.name} must not be empty")
        arrays.append(array)
    return pa.table(arrays, schema=pa.schema([(one.name, arrow_type(one.kind)) for one in table.columns]))


def empty_tables() -> dict[str, pa.Table]:
    """Return every table of the contract, without rows."""
    return {name: as_table(name, {}) for name in TABLES}


def _array(values: Any, wanted: Any, rows: int) -> Any:
    import pyarrow as pa

    if values is None:
        return pa.nulls(rows, wanted)
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    if pa.types.is_date32(wanted) and pa.types.is_integer(array.type):
        array = array.cast(pa.int32())
    return array.cast(wanted)
