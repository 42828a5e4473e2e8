"""Where a feature store lies (a folder, or a bucket), its files and its manifest. Pure; pyarrow is imported when used.

    place/schema=1/sessions/month=2026-11/part-0f3a….parquet     named by its own SHA-256
    place/schema=1/manifest.json                                 written last

A file is never changed: another content is another name, and the manifest says which names count. So whoever dies at
any moment leaves the old state whole, and whoever reads meanwhile reads one state. What no manifest names is removed by
the next `write_manifest`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from common.canonical import canonical_json, text_sha256
from modeling.training.contract import MANIFEST, SCHEMA_VERSION, TABLES

_OPTIONS: Final = "such as s3://bucket/prefix?endpoint_override=127.0.0.1:9000&scheme=http&region=eu-central-1"


class StoreError(Exception):
    """The feature store cannot be used; says what and which file."""


class EmptyStore(StoreError):
    """Nothing was exported to this place yet."""


class DamagedStore(StoreError):
    """A file is missing, differs from what the manifest says, or cannot be read."""


class ChangedStore(StoreError):
    """Somebody exported anew since this store was opened; open it again."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file: a month of a table. path: below the schema's folder. size: bytes.

    stamp: of what it was made from, where the exporter can tell that more cheaply than by making it; else empty.
    """

    month: str
    path: str
    rows: int
    size: int
    sha256: str
    stamp: str = ""


@dataclass(frozen=True)
class Manifest:
    """What may be read. as_of: what was known then, None: at `exported_at`. consented: tokens of the athletes whose
    consent to training stood."""

    exported_at: datetime
    as_of: datetime | None
    parts: Mapping[str, tuple[Part, ...]]
    consented: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has."""
        return {name: sum(part.rows for part in self.parts.get(name, ())) for name in TABLES}

    def data_sha256(self) -> str:
        """Return the SHA-256 over all files' hashes; neither when they were written nor their stamps have a part."""
        listed = [[name, part.month, part.sha256] for name in sorted(self.parts) for part in self.parts[name]]
        return text_sha256(canonical_json([SCHEMA_VERSION, contract_sha256(), sorted(listed)]))

    def paths(self) -> set[str]:
        """Return the files that count."""
        return {part.path for parts in self.parts.values() for part in parts}


class Place:
    """A folder (as a path), or s3://bucket/prefix with pyarrow's options for S3-compatible servers in the query."""

    def __init__(self, url: str | Path) -> None:
        from pyarrow import fs

        self.url = str(url)
        self.is_local = urlsplit(self.url).scheme != "s3"
        if self.is_local:
            self.files: Any = fs.LocalFileSystem()
            base = str(Path(self.url).absolute())
        else:
            try:
                self.files, base = fs.FileSystem.from_uri(self.url)
            except (OSError, ValueError) as error:
                raise StoreError(f"{self.url} is no place for a feature store ({_OPTIONS}): {error}") from error
        self._base = f"{base.rstrip('/')}/schema={SCHEMA_VERSION}"

    def path(self, name: str) -> str:
        """Return a file's path in the place's own file system."""
        return f"{self._base}/{name}"

    def read(self, name: str) -> bytes:
        """Return a file.

        Raises:
            FileNotFoundError: it is not there.
            StoreError: the place cannot be reached.
        """
        try:
            with self.files.open_input_stream(self.path(name), compression=None) as file:
                content: bytes = file.read()
                return content
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"{name} of {self.url} cannot be read: {error}") from error

    def write(self, name: str, content: bytes) -> None:
        """Put a file there whole or not at all: in a folder written beside and renamed."""
        try:
            if not self.is_local:
                with self.files.open_output_stream(self.path(name), compression=None) as file:
                    file.write(content)
                return
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            half = target.with_name(f"{target.name}.{os.getpid()}.half")
            with half.open("wb") as beside:
                beside.write(content)
                beside.flush()
                os.fsync(beside.fileno())
            half.replace(target)
        except OSError as error:
            raise StoreError(f"{name} cannot be written to {self.url}: {error}") from error

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        try:
            self.files.delete_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{name} of {self.url} cannot be removed: {error}") from error
        if self.is_local:
            folder = Path(self.path(name)).parent
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def names(self) -> set[str]:
        """Return the files of our tables that are there, half-written ones too."""
        from pyarrow import fs

        try:
            found = self.files.get_file_info(fs.FileSelector(self._base, recursive=True, allow_not_found=True))
        except OSError as error:
            raise StoreError(f"{self.url} cannot be listed: {error}") from error
        names = {one.path.split(f"schema={SCHEMA_VERSION}/", 1)[1] for one in found if one.type == fs.FileType.File}
        return {name for name in names if name.split("/")[0] in TABLES or name.endswith(".half")}


def contract_sha256() -> str:
    """Return the SHA-256 of names and kinds of all columns: what a reader must agree on with the writer."""
    columns = {name: [[c.name, c.kind.value, c.required] for c in table.columns] for name, table in TABLES.items()}
    return text_sha256(canonical_json(columns))


def read_manifest(place: Place) -> Manifest:
    """Return what may be read.

    Raises:
        EmptyStore: there is no manifest.
        DamagedStore: it cannot be read, or was written with other columns.
    """
    try:
        text = place.read(MANIFEST)
    except FileNotFoundError:
        raise EmptyStore(
            f"{place.url} holds no feature store: run the export first (`manage.py features export`)."
        ) from None
    try:
        document = json.loads(text)
        schema, contract = document["schema"], document["contract_sha256"]
        if schema == SCHEMA_VERSION and contract == contract_sha256():
            return _manifest(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedStore(f"{MANIFEST} of {place.url} cannot be read: {error!r}. Export anew.") from error
    if schema != SCHEMA_VERSION:
        raise DamagedStore(f"{MANIFEST} of {place.url} is of schema {schema!r}, this code reads {SCHEMA_VERSION}.")
    raise DamagedStore(f"{MANIFEST} of {place.url} was written with other columns: run the export again.")


def write_manifest(
    root: str | Path | Place,
    parts: Mapping[str, Sequence[Part]],
    *,
    exported_at: datetime,
    as_of: datetime | None = None,
    consented: Iterable[str] = (),
    notes: Mapping[str, str] | None = None,
) -> Manifest:
    """Let these files be what may be read, and remove all others.

    Args:
        parts: by table, as `write_table` returns them; a table that is not named is empty.
        consented: tokens of the athletes whose consent to training stands.
        notes: what the writer wants to find again; readers ignore it.
    """
    place = root if isinstance(root, Place) else Place(root)
    whole = {name: tuple(sorted(parts.get(name, ()), key=lambda part: part.month)) for name in TABLES}
    made = Manifest(exported_at, as_of, whole, frozenset(consented), notes or {})
    document = {
        "schema": SCHEMA_VERSION,
        "contract_sha256": contract_sha256(),
        "exported_at": exported_at.astimezone(UTC).isoformat(),
        "as_of": as_of.astimezone(UTC).isoformat() if as_of else None,
        "data_sha256": made.data_sha256(),
        "tables": {name: [asdict(part) for part in found] for name, found in whole.items()},
        "consented": sorted(made.consented),
        "notes": dict(made.notes),
    }
    place.write(MANIFEST, json.dumps(document, indent=1, sort_keys=True).encode())
    for name in sorted(place.names() - made.paths()):
        place.remove(name)
    return made


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 as hex."""
    return hashlib.sha256(content).hexdigest()


def _manifest(document: Mapping[str, Any]) -> Manifest:
    made = Manifest(
        exported_at=datetime.fromisoformat(document["exported_at"]),
        as_of=datetime.fromisoformat(document["as_of"]) if document["as_of"] else None,
        parts={name: tuple(Part(**part) for part in document["tables"][name]) for name in TABLES},
        consented=frozenset(document["consented"]),
        notes=dict(document["notes"]),
    )
    if made.data_sha256() != document["data_sha256"]:
        raise ValueError("its hashes do not lead to its data_sha256")
    return made
