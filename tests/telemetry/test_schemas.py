"""Schemas of events: complete, never changed, and no new version that breaks readers."""

from __future__ import annotations

import copy
import json
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from telemetry.compatibility import breaks, unknown_keywords
from telemetry.events import EVENT_TYPES
from telemetry.management.commands import check_schemas
from telemetry.schema_files import FOLDER, InvalidData, NoSchema, check_data, note_new, problems, version_of
from tests.support.databases import ROOT
from tests.telemetry.making import schema

pytestmark = pytest.mark.pure

OLD: dict[str, Any] = schema(
    "thing.done",
    {
        "number": {"type": "integer", "minimum": 0, "maximum": 10, "description": "A number"},
        "kind": {"type": "string", "enum": ["a", "b"], "description": "A kind"},
        "name": {"type": ["string", "null"], "pattern": "^[a-z]+$", "maxLength": 5, "description": "A name"},
        "codes": {"type": "array", "items": {"type": "string", "enum": ["x"]}, "description": "Codes"},
    },
    required=["number", "kind"],
)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the old schema with something else (or nothing, None) at a path."""
    new = copy.deepcopy(OLD)
    *way, last = path.split(".")
    inner: Any = new
    for name in way:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return new


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("properties.number", None, "data.number is gone"),
        ("required", ["number"], "data.kind was always there"),
        ("required", ["number", "kind", "name"], "data.name is required, which earlier"),
        ("properties.number.type", "number", "data.number was integer and is number"),
        ("properties.name.type", "string", "data.name was null or string and is string"),
        ("properties.number.type", ["integer", "null"], "data.number was integer and is integer or null"),
        ("properties.number.maximum", 9, "data.number has a narrower maximum"),
        ("properties.number.minimum", 1, "data.number has a narrower minimum"),
        ("properties.name.minLength", 1, "data.name has a narrower minLength"),
        ("properties.name.pattern", "^[a-f]+$", "data.name has another pattern"),
        ("properties.name.format", "date", "data.name has another format"),
        ("properties.kind.enum", ["a"], "data.kind has lost b"),
        ("properties.number.enum", [1], "data.number was free"),
        ("properties.codes.items.enum", ["y"], r"data.codes\[\] has lost x"),
        ("properties.codes.items", None, "data.codes says something else of its items"),
        ("additionalProperties", None, "data has another additionalProperties"),
    ],
)
def test_what_breaks_readers_is_said(path: str, value: Any, said: str) -> None:
    found = breaks(OLD, changed(path, value))
    assert len(found) == 1
    assert re.match(said, found[0]), found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties.more", {"type": "string", "format": "date", "description": "More"}),
        ("properties.kind.enum", ["a", "b", "c"]),
        ("properties.number.maximum", 11),
        ("properties.number.minimum", None),
        ("properties.name.description", "Better said"),
        ("properties.name.maxLength", 9),
    ],
)
def test_what_readers_bear_is_let_through(path: str, value: Any) -> None:
    assert breaks(OLD, changed(path, value)) == []


_NUMBERS = st.fixed_dictionaries(
    {"type": st.just("integer")},
    optional={
        "minimum": st.integers(-3, 3),
        "maximum": st.integers(-3, 3),
        "enum": st.lists(st.integers(-3, 3), min_size=1, max_size=3, unique=True),
    },
)


@given(_NUMBERS, _NUMBERS, st.integers(-4, 4))
def test_what_was_valid_stays_valid_under_a_version_that_breaks_nothing(old: Any, new: Any, value: int) -> None:
    if not breaks(old, new) and Draft202012Validator(old).is_valid(value):
        assert Draft202012Validator(new).is_valid(value)


def test_a_keyword_that_is_not_compared_is_refused() -> None:
    assert unknown_keywords(OLD) == []
    assert unknown_keywords(changed("properties.codes.items", {"$ref": "#"})) == [
        "data.codes[] uses $ref, which is not compared"
    ]


def _folder(tmp_path: Path, *versions: dict[str, Any]) -> Path:
    (tmp_path / "thing.done").mkdir()
    for number, document in enumerate(versions, start=1):
        document = {**document, "$id": f"urn:mesocycle:event:thing.done:{number}"}
        (tmp_path / "thing.done" / f"{number}.json").write_text(json.dumps(document))
    note_new(tmp_path)
    return tmp_path


def test_a_folder_of_schemas_is_held_to_the_registry(tmp_path: Path) -> None:
    folder = _folder(tmp_path, OLD)
    names = frozenset({"number", "kind", "name", "codes"})
    assert problems([("thing.done", 1, names, frozenset())], folder) == []
    assert problems([("thing.done", 2, names, frozenset())], folder) == [
        "thing.done 2: is registered and has no schema"
    ]
    assert problems([("thing.done", 1, names - {"kind"} | {"other"}, frozenset({"name"}))], folder) == [
        "thing.done 1: other is registered and not in the schema",
        "thing.done 1: kind is in the schema and not registered",
        "thing.done 1: name is a person and no token",
    ]


def test_a_version_that_was_noted_never_changes(tmp_path: Path) -> None:
    folder = _folder(tmp_path, OLD)
    path = folder / "thing.done" / "1.json"
    path.write_text(path.read_text() + "\n")
    assert note_new(folder) == []
    assert problems([], folder) == ["thing.done/1 was changed: write a new version instead"]
    path.unlink()
    assert problems([], folder) == ["thing.done/1 was removed: events of it may be on their way"]


def test_versions_are_compared_with_the_ones_before(tmp_path: Path) -> None:
    folder = _folder(tmp_path, OLD, changed("properties.kind.enum", ["a"]))
    assert problems([], folder) == ["thing.done 2: data.kind has lost b"]
    (folder / "thing.done" / "2.json").rename(folder / "thing.done" / "3.json")
    assert "thing.done 3: there is no version 2" in problems([], folder)


def test_text_without_a_form_is_refused(tmp_path: Path) -> None:
    free = changed("properties.name", {"type": "string", "description": "What somebody wrote"})
    assert problems([], _folder(tmp_path, free)) == ["thing.done 1: name: is text of any form"]


def test_every_type_of_ours_has_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_schemas")
    assert len(EVENT_TYPES) >= 18
    assert "0 problems" in capsys.readouterr().out


def test_a_broken_folder_fails_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "schemas"
    shutil.copytree(FOLDER, folder)
    path = folder / "cycle.rated" / "1.json"
    path.write_text(path.read_text().replace('"score"', '"mark"'))
    monkeypatch.setattr(check_schemas, "problems", partial(problems, folder=folder))
    with pytest.raises(CommandError) as caught:
        call_command("check_schemas")
    assert caught.value.returncode == 1


def test_data_are_judged_without_being_repeated() -> None:
    with pytest.raises(InvalidData) as caught:
        check_data("cycle.rated", 1, {"score": "Jane Doe", "Jane": 1})
    assert "Jane" not in str(caught.value)
    assert "score breaks type" in str(caught.value)
    with pytest.raises(NoSchema):
        check_data("cycle.rated", 99, {})


@pytest.mark.parametrize("dataschema", ["urn:mesocycle:event:a:x", "https://elsewhere.example/a:1", ""])
def test_a_schema_of_somebody_else_is_none_of_ours(dataschema: str) -> None:
    assert (version_of(None), version_of("urn:mesocycle:event:a:12")) == (1, 12)
    with pytest.raises(NoSchema):
        version_of(dataschema)


def test_the_document_lists_every_type() -> None:
    page = (ROOT / "docs/telemetry.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z._]+)` \| (\d+) \| (person|object) \|", page, re.MULTILINE)
    known = [
        (name, str(one.version), "person" if one.person_aggregate else "object") for name, one in EVENT_TYPES.items()
    ]
    assert rows == known
