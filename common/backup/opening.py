"""Opening a backup: whose keys it was made under, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from common.backup import manifest
from common.backup.contributions import CONTRIBUTIONS, FILES, Contribution
from common.backup.manifest import BadManifest, Manifest
from common.errors import InvalidInput, WrongState
from common.keys import derived_key, newest_version

KEYS_PART: Final = "subject-keys.dump"
DATABASE_PART: Final = "database.dump"
# What nothing else can make up for, as the environment names it.
SECRETS: Final = (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "TELEMETRY_TOKEN_KEYS",
    "AUDIT_SIGNING_KEYS",
    "AUDIT_RETIRED_KEYS",
)
_PURPOSE: Final = b"mesocycle backup manifest"


def keys_here() -> dict[str, str]:
    """Return the fingerprints of the secrets that are configured, by "SETTING VERSION"."""
    found: dict[str, str] = {}
    for _, contribution in CONTRIBUTIONS.items():
        found |= dict(contribution.keys()) if contribution.keys else {}
    return found


def secrets_here() -> dict[str, str]:
    """Return the secrets themselves in the form of the environment; empty ones are absent."""
    found = {}
    for name in SECRETS:
        value: str | Mapping[int, str] = getattr(settings, name)
        if value:
            found[name] = value if isinstance(value, str) else ",".join(f"{v}:{k}" for v, k in sorted(value.items()))
    return found


def parts_expected() -> set[str]:
    """Return the names of the parts that a whole backup has."""
    return {DATABASE_PART, KEYS_PART} | {f"{name}.tar" for name in FILES}


def contributions() -> Iterator[tuple[str, Contribution]]:
    """Yield the contributions in the order in which they work after a restore: the log first, people behind it."""
    yield from sorted(CONTRIBUTIONS.items(), key=lambda item: (item[0] != "fields", item[0] != "audit", item[0]))


def write_manifest(made: Manifest, folder: Path) -> None:
    """Write the manifest under the newest master key."""
    version = newest_version()
    path = folder / manifest.NAME
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(made.sealed(version, derived_key(version, _PURPOSE)), encoding="utf-8")


def open_manifest(folder: Path) -> Manifest:
    """Return a backup's manifest, verified.

    Raises:
        InvalidInput: there is none in this folder.
        WrongState: it was altered, or made under keys that are not configured here.
    """
    try:
        text = (folder / manifest.NAME).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{folder} is no backup: {error.strerror} ({manifest.NAME})", pointer="/backup") from error
    try:
        version = manifest.key_version_of(text)
        return manifest.opened(text, derived_key(version, _PURPOSE))
    except ImproperlyConfigured as error:
        raise WrongState(f"{error}, under which this backup was made.") from error
    except (BadManifest, TypeError, ValueError) as error:
        raise WrongState(f"{error}, or FIELD_ENCRYPTION_KEYS is another key than it was made under.") from error


def faults_of(folder: Path, made: Manifest, *, without_keys: bool = False) -> list[str]:
    """Return what is wrong with a backup's parts and with the keys that are configured; nothing is changed.

    without_keys: the part with people's keys may be gone, since it is kept for a shorter time.
    """
    faults = [] if set(made.parts) == parts_expected() else ["the manifest does not name the parts of a whole backup"]
    faults += faults_of_keys(made)
    for name, said in sorted(made.parts.items()):
        if without_keys and name == KEYS_PART and not (folder / name).exists():
            continue
        if fault := manifest.fault_of(folder / name, said):
            faults.append(fault)
    return faults


def faults_of_keys(made: Manifest) -> list[str]:
    """Return which keys the backup was made under that are not those of this installation."""
    here = keys_here()
    faults = []
    for name, known in sorted(made.keys.items()):
        setting, _, version = name.rpartition(" ")
        if name not in here:
            faults.append(f"{setting} lacks version {version}, under which this backup was made")
        elif here[name] != known:
            faults.append(f"{setting} version {version} is another key than this backup was made under")
    return faults
