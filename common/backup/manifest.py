"""What a backup says of itself: its parts by hash, and what must hold again after a restore. Pure.

The manifest carries an HMAC-SHA-256 (RFC 2104) under a key derived from a master key, so that whoever can write to the
backup cannot change a part and its hash together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

FORMAT: Final = "mesocycle-backup/1"
NAME: Final = "manifest.json"
_CHUNK: Final = 1 << 20


class BadManifest(ValueError):
    """This is no manifest of ours, or it was altered."""


@dataclass(frozen=True)
class Manifest:
    """A backup's contents.

    Args:
        made_at: moment of the snapshot, ISO 8601, UTC.
        database, server: name, and PostgreSQL's version.
        migrations: `app.name`, sorted.
        tables: rows by table; tables whose rows were left out are absent.
        rights: by table or function a digest of owner, privileges, policies and triggers.
        keys: fingerprints by "SETTING VERSION".
        facts: by contribution.
        parts: by file name {"bytes": …, "sha256": hex}.
    """

    made_at: str
    database: str
    server: str
    migrations: list[str]
    tables: dict[str, int]
    rights: dict[str, str]
    keys: dict[str, str]
    facts: dict[str, Any]
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sealed(self, version: int, key: bytes) -> str:
        """Return the file's text, with its code under this key."""
        whole = {"format": FORMAT, **asdict(self)}
        return json.dumps({**whole, "key_version": version, "code": _code(whole, key)}, indent=1, sort_keys=True) + "\n"


def key_version_of(text: str) -> int:
    """Return the version of the key under which a manifest was made; nothing is verified.

    Raises:
        BadManifest: this is none.
    """
    return int(_parsed(text)["key_version"])


def opened(text: str, key: bytes) -> Manifest:
    """Return a manifest whose code fits.

    Raises:
        BadManifest: this is none, or it was altered.
    """
    whole = _parsed(text)
    whole.pop("key_version")
    code = str(whole.pop("code"))
    if not hmac.compare_digest(code, _code(whole, key)):
        raise BadManifest("the manifest was altered after it was made")
    whole.pop("format")
    return Manifest(**whole)


def fingerprint(secret: bytes) -> str:
    """Return what tells secrets apart and tells nothing of them, 32 hexadecimal digits; they are 32 bytes of chance."""
    return hmac.digest(secret, b"mesocycle backup fingerprint", "sha256").hex()[:32]


def part_of(path: Path) -> dict[str, Any]:
    """Return a file's size and SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def fault_of(path: Path, said: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a part, None where nothing is."""
    if not path.is_file():
        return f"{path.name} is missing"
    size = path.stat().st_size
    if size != said["bytes"]:
        how = "cut off" if size < said["bytes"] else "too long"
        return f"{path.name} is {how}: {size} bytes, {said['bytes']} when it was made"
    if part_of(path)["sha256"] != said["sha256"]:
        return f"{path.name} was altered: its SHA-256 is not the manifest's"
    return None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ, or that one of both lacks."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _parsed(text: str) -> dict[str, Any]:
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise BadManifest(f"the manifest is no JSON: {error}") from error
    wanted = {"format", "key_version", "code", *Manifest.__dataclass_fields__}
    if not isinstance(whole, dict) or whole.get("format") != FORMAT or whole.keys() != wanted:
        raise BadManifest(f"this is no manifest in the format {FORMAT}")
    return whole


def _code(whole: Mapping[str, Any], key: bytes) -> str:
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()
