"""The schemas of events: `schemas/<type>/<version>.json`, JSON Schema (2020-12) of what an event carries as `data`.

A version that was committed never changes: `schemas/manifest.json` keeps the SHA-256 of each. Pure.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from telemetry.compatibility import breaks, types_of, unknown_keywords

FOLDER: Final = Path(__file__).parent / "schemas"
MANIFEST: Final = "manifest.json"
TOKEN: Final = "^v[0-9]+:[0-9a-f]{64}$"
_URN: Final = "urn:mesocycle:event:"
_FORMATS: Final = FormatChecker(formats=("uuid", "date", "date-time"))

Key = tuple[str, int]


class NoSchema(LookupError):
    """No schema says what this version of this type of event carries."""


class InvalidData(ValueError):
    """Data that their schema does not allow; says where, never what: a value may name somebody."""


def urn(name: str, version: int) -> str:
    """Return the `dataschema` of a type's version (CloudEvents 1.0.2: an absolute URI)."""
    return f"{_URN}{name}:{version}"


def version_of(dataschema: str | None) -> int:
    """Return the version that a `dataschema` names; events from before there were schemas have none, and are 1.

    Raises:
        NoSchema: it is no `dataschema` of ours.
    """
    if dataschema is None:
        return 1
    number = dataschema.rpartition(":")[2]
    if not dataschema.startswith(_URN) or not number.isdecimal():
        raise NoSchema("the event names a schema that is not ours")
    return int(number)


@functools.cache
def schemas() -> dict[Key, dict[str, Any]]:
    """Return the schemas by type and version, read once a process."""
    return read(FOLDER)


def read(folder: Path) -> dict[Key, dict[str, Any]]:
    """Read a folder of schemas."""
    return {(path.parent.name, int(path.stem)): json.loads(path.read_bytes()) for path in _files(folder)}


def schema_of(name: str, version: int) -> dict[str, Any]:
    """Return a schema.

    Raises:
        NoSchema: there is none.
    """
    try:
        return schemas()[name, version]
    except KeyError:
        raise NoSchema(f"{name} has no schema {version}") from None


def check_data(name: str, version: int, data: Any) -> None:
    """Refuse data that their schema does not allow.

    Raises:
        NoSchema: there is no such schema.
        InvalidData: they are not valid.
    """
    schema_of(name, version)
    wrong = sorted({_where(error) for error in _validator(name, version).iter_errors(data)})
    if wrong:
        raise InvalidData(f"{name} {version}: {'; '.join(wrong)}")


@functools.cache
def _validator(name: str, version: int) -> Draft202012Validator:
    return Draft202012Validator(schema_of(name, version), format_checker=_FORMATS)


def _where(error: Any) -> str:
    """Return the place and the rule that was broken. Names of properties are ours only where the schema has them."""
    known = error.validator not in ("additionalProperties", "required")
    place = ".".join(str(part) for part in error.absolute_path) if known else ""
    return f"{place or 'data'} breaks {error.validator}"


def problems(types: Iterable[tuple[str, int, frozenset[str], frozenset[str]]], folder: Path = FOLDER) -> list[str]:
    """Return all that is wrong with a folder of schemas, one sentence each.

    types: name, version, names of the data and which of them are people, of every registered type of event.
    """
    found, known = manifest_problems(folder), read(folder)
    for (name, version), schema in sorted(known.items()):
        found += [f"{name} {version}: {said}" for said in _schema_problems(name, version, schema)]
        earlier = known.get((name, version - 1))
        if earlier is not None:
            found += [f"{name} {version}: {said}" for said in breaks(earlier, schema)]
        elif version > 1:
            found.append(f"{name} {version}: there is no version {version - 1}")
    for name, version, data, people in types:
        schema = known.get((name, version), {})
        if not schema:
            found.append(f"{name} {version}: is registered and has no schema")
            continue
        found += [f"{name} {version}: {said}" for said in _registration_problems(schema, data, people)]
    return found


def manifest(folder: Path = FOLDER) -> dict[str, str]:
    """Return the SHA-256 of each schema as its file stands, by `<type>/<version>`."""
    return {f"{path.parent.name}/{path.stem}": hashlib.sha256(path.read_bytes()).hexdigest() for path in _files(folder)}


def manifest_problems(folder: Path) -> list[str]:
    """Return what was changed, removed or not noted since the manifest was written."""
    noted, now = noted_manifest(folder), manifest(folder)
    found = [f"{key} was changed: write a new version instead" for key in sorted(noted.keys() & now.keys())
             if noted[key] != now[key]]  # fmt: skip
    found += [f"{key} was removed: events of it may be on their way" for key in sorted(noted.keys() - now.keys())]
    return found + [
        f"{key} is not in the manifest: `manage.py check_schemas --note`" for key in sorted(now.keys() - noted.keys())
    ]


def note_new(folder: Path = FOLDER) -> list[str]:
    """Add new schemas to the manifest, whose entries never change; return which."""
    noted = noted_manifest(folder)
    new = {key: digest for key, digest in manifest(folder).items() if key not in noted}
    text = json.dumps({**noted, **new}, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
    return sorted(new)


def noted_manifest(folder: Path) -> dict[str, str]:
    """Return the manifest as it was committed; empty where there is none."""
    path = folder / MANIFEST
    return json.loads(path.read_bytes()) if path.exists() else {}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.json"))


def _schema_problems(name: str, version: int, schema: Mapping[str, Any]) -> list[str]:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return [f"is no JSON Schema: {error.message}"]
    found = unknown_keywords(schema)
    if schema.get("$id") != urn(name, version):
        found.append(f"its $id is not {urn(name, version)}")
    if schema.get("additionalProperties") is not False:
        found.append("lets properties through that it does not name")
    for property_name, inner in schema.get("properties", {}).items():
        found += [f"{property_name}: {said}" for said in _property_problems(inner)]
    return found


def _property_problems(schema: Mapping[str, Any]) -> list[str]:
    """Text without a form could be anything, also what somebody wrote."""
    found = [] if schema.get("description") else ["has no description"]
    types, items = types_of(schema), schema.get("items")
    found += [] if types else ["has no type"]
    if "string" in types and not schema.keys() & {"enum", "format", "pattern"}:
        found.append("is text of any form")
    if "array" in types:
        found += _property_problems({"description": "-", **items}) if items else ["does not say what it lists"]
    return found


def _registration_problems(schema: Mapping[str, Any], data: frozenset[str], people: frozenset[str]) -> list[str]:
    properties = schema.get("properties", {})
    found = [f"{name} is registered and not in the schema" for name in sorted(data - properties.keys())]
    found += [f"{name} is in the schema and not registered" for name in sorted(properties.keys() - data)]
    no_token = [name for name in sorted(people & properties.keys()) if properties[name].get("pattern") != TOKEN]
    return found + [f"{name} is a person and no token" for name in no_token]
