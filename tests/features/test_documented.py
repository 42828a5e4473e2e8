"""The documentation lists the very columns of the contract."""

from __future__ import annotations

import pytest

from modeling.training.contract import TABLES
from tests.support.databases import ROOT

pytestmark = pytest.mark.pure
PAGE = ROOT / "docs" / "features.md"


def listed() -> str:
    """The tables as the page is to have them."""
    parts = []
    for table in TABLES.values():
        rows = [
            f"| {f'`{one.name}`' if one.required else f'*`{one.name}`*'} | {one.kind.value} | {one.means} |"
            for one in table.columns
        ]
        head = ["| column | kind | means |", "| --- | --- | --- |"]
        key = ", ".join(f"`{name}`" for name in table.key)
        said = f"{table.describes[0].upper()}{table.describes[1:]}. Key: {key}."
        parts.append("\n".join([f"### `{table.name}`", said, "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def test_the_page_has_the_columns_of_the_contract():
    assert PAGE.read_text(encoding="utf-8").split("*italics* may be empty.\n\n", 1)[1] == listed()
