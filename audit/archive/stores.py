"""Where segments are kept: a folder, or an S3 bucket with Object Lock in COMPLIANCE mode.

Nothing that is kept is replaced or removed by us, and a retention is only ever prolonged. On AWS nobody can do
otherwise until it ends; in a folder the operating system's rights must see to it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.errors import ArchiveConflict, RetentionShortened


class Store(Protocol):
    """A place for segments."""

    def names(self) -> list[str]:
        """Return the names of what is kept, sorted."""

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file, without their ends."""

    def add(self, name: str, source: Path, retain_until: datetime) -> None:
        """Keep a file; raises ArchiveConflict where this name is taken."""

    def retained_until(self, name: str) -> datetime:
        """Return until when a file is locked."""

    def prolong(self, name: str, until: datetime) -> None:
        """Lock a file for longer; raises RetentionShortened where that is earlier than it is locked already."""


def store() -> Store:
    """Return the store that `AUDIT_ARCHIVE` names.

    Raises:
        ImproperlyConfigured: a bucket without Object Lock, or boto3 is not installed.
    """
    place = settings.AUDIT_ARCHIVE
    parts = urlsplit(place)
    if parts.scheme == "s3":
        return S3Store(parts.netloc, parts.path.strip("/"), endpoint=settings.AUDIT_ARCHIVE_S3_ENDPOINT)
    return FolderStore(Path(place))


class FolderStore:
    """Files in a folder, read-only once written; their retention is kept beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Return the names of what is kept, sorted."""
        return sorted(path.relative_to(self._folder).as_posix() for path in self._folder.glob("segments/*.ndjson"))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file, without their ends."""
        with (self._folder / name).open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")

    def add(self, name: str, source: Path, retain_until: datetime) -> None:
        """Keep a file: whole or not at all, and never in the place of another."""
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise ArchiveConflict(f"{name} is in the archive already.")
        half = target.with_suffix(f".{os.getpid()}.half")
        try:
            with source.open("rb") as given, half.open("wb") as file:
                while block := given.read(1 << 20):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            half.chmod(0o444)
            # Before the name is given: a full disk or a kill in between must not leave a segment that nothing retains.
            self._note(name, retain_until)
            os.link(half, target)
        except FileExistsError:
            raise ArchiveConflict(f"{name} is in the archive already.") from None
        finally:
            half.unlink(missing_ok=True)

    def retained_until(self, name: str) -> datetime:
        """Return until when a file is to be kept."""
        path = self._retention(name)
        if not path.exists():
            return datetime.fromtimestamp((self._folder / name).stat().st_mtime, UTC)
        return datetime.fromisoformat(json.loads(path.read_text(encoding="ascii"))["retain_until"])

    def prolong(self, name: str, until: datetime) -> None:
        """Keep a file for longer."""
        refuse_to_shorten(name, self.retained_until(name), until)
        self._note(name, until)

    def _note(self, name: str, until: datetime) -> None:
        path = self._retention(name)
        half = path.with_suffix(f".{os.getpid()}.half")
        try:
            half.write_text(json.dumps({"retain_until": until.astimezone(UTC).isoformat()}), encoding="ascii")
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)

    def _retention(self, name: str) -> Path:
        return (self._folder / name).with_suffix(".retention.json")


class S3Store:
    """Objects in a bucket with Object Lock, COMPLIANCE mode; of several versions of a name the first one counts."""

    def __init__(self, bucket: str, prefix: str, *, endpoint: str = "") -> None:
        try:
            import boto3
        except ImportError as error:
            raise ImproperlyConfigured("an archive in S3 needs the package boto3") from error
        self._s3: Any = boto3.client("s3", endpoint_url=endpoint or None)
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._check_lock()

    def names(self) -> list[str]:
        """Return the names of what is kept, sorted, also of what somebody has hidden behind a delete marker."""
        return sorted(self._first_versions())

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the lines of an object, without their ends."""
        version = self._first_versions(name)[name]
        body = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name, VersionId=version)["Body"]
        yield from body.iter_lines(chunk_size=1 << 20)

    def add(self, name: str, source: Path, retain_until: datetime) -> None:
        """Keep a file, locked."""
        if self._first_versions(name):
            raise ArchiveConflict(f"{name} is in the archive already.")
        with source.open("rb") as file:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=file,
                ContentType="application/x-ndjson",
                ChecksumAlgorithm="SHA256",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=retain_until,
            )

    def retained_until(self, name: str) -> datetime:
        """Return until when an object is locked."""
        version = self._first_versions(name)[name]
        found = self._s3.head_object(Bucket=self._bucket, Key=self._prefix + name, VersionId=version)
        until: datetime = found["ObjectLockRetainUntilDate"]
        return until

    def prolong(self, name: str, until: datetime) -> None:
        """Lock an object for longer. AWS refuses an earlier day, other servers may not: so do we, before we ask."""
        refuse_to_shorten(name, self.retained_until(name), until)
        self._s3.put_object_retention(
            Bucket=self._bucket,
            Key=self._prefix + name,
            VersionId=self._first_versions(name)[name],
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until},
        )

    def _first_versions(self, name: str = "segments/") -> dict[str, str]:
        """Return the oldest version's id by name, of one name or of all."""
        first: dict[str, tuple[datetime, str]] = {}
        pages = self._s3.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + name):
            for row in page.get("Versions", ()):
                key, version = row["Key"].removeprefix(self._prefix), (row["LastModified"], row["VersionId"])
                # Newest come first: of equal moments the later one in the list is the older version.
                if key not in first or version[0] <= first[key][0]:
                    first[key] = version
        return {key: version for key, (_, version) in first.items()}

    def _check_lock(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._s3.get_object_lock_configuration(Bucket=self._bucket)
        except ClientError as error:
            raise ImproperlyConfigured(f"bucket {self._bucket} has no Object Lock: {error}") from error
        except BotoCoreError as error:
            raise ImproperlyConfigured(f"bucket {self._bucket} cannot be reached: {error}") from error
        if found["ObjectLockConfiguration"].get("ObjectLockEnabled") != "Enabled":
            raise ImproperlyConfigured(f"bucket {self._bucket} has no Object Lock")


def refuse_to_shorten(name: str, now_until: datetime, until: datetime) -> None:
    """Refuse an earlier end of a retention.

    Raises:
        RetentionShortened: `until` is earlier than `now_until`.
    """
    if until < now_until:
        raise RetentionShortened(f"{name} is locked until {now_until:%Y-%m-%d %H:%M}; that can only become later.")
