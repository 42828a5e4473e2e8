"""Reading I-JSON: whatever has one meaning is read as it was written, everything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.parsers import MOST_DEPTH, parse_json

pytestmark = pytest.mark.pure

texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
numbers = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_what_was_written_is_read(value: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(texts, values, values)
def test_a_name_that_stands_twice_is_refused_wherever_it_is(name: str, first: object, second: object) -> None:
    pair = f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(name)}: {json.dumps(second)}}}"
    for document in (pair, f"[{pair}]", f'{{"x": {pair}}}'):
        with pytest.raises(ValueError, match="twice"):
            parse_json(document.encode())


@pytest.mark.parametrize("depth", [MOST_DEPTH, MOST_DEPTH + 1, 500, 500_000])
def test_depth_is_bounded(depth: int) -> None:
    document = b"[" * depth + b"1" + b"]" * depth
    if depth <= MOST_DEPTH:
        parse_json(document)
    else:
        with pytest.raises(ValueError, match="deeper"):
            parse_json(document)
