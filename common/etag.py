"""Strong entity tags (RFC 9110, sections 8.8.3 and 13.1.1): the version that a change is based on."""

from __future__ import annotations

import re
from typing import NewType

from rest_framework.request import Request

from common.errors import PreconditionRequired, StaleVersion

ETag = NewType("ETag", str)

_TAG = re.compile(r'(?:W/)?"[^"]*"')


def etag_for(lock_version: int, content_sha256: str) -> ETag:
    """Return the tag of a head: its lock version and the hash of its content, quoted."""
    return ETag(f'"{lock_version}-{content_sha256[:16]}"')


def expected_etags(request: Request) -> frozenset[ETag]:
    """Return the versions that the request accepts as its base, from If-Match or the body's `expected_etag`.

    `*` and weak tags name no version and do not count.

    Raises:
        PreconditionRequired: the request names none.
    """
    header = request.headers.get("If-Match", "")
    tags = {tag for tag in _TAG.findall(header) if not tag.startswith("W/")}
    if not header and isinstance(request.data, dict):
        named = str(request.data.get("expected_etag") or "").strip()
        tags = {named if named.startswith('"') else f'"{named}"'} if named else set()
    if not tags:
        raise PreconditionRequired()
    return frozenset(ETag(tag) for tag in tags)


def require_if_match(request: Request, current: ETag) -> ETag:
    """Return the current tag if the request is based on it.

    Raises:
        PreconditionRequired: the request names no version (428).
        StaleVersion: somebody saved since; carries `current_etag` (412).
    """
    return check_etag(expected_etags(request), current)


def check_etag(expected: frozenset[ETag] | ETag, current: ETag) -> ETag:
    """Return `current` if it is expected; for services, after the lock.

    Raises:
        StaleVersion: it is not.
    """
    accepted = frozenset({expected}) if isinstance(expected, str) else expected
    if current not in accepted:
        raise StaleVersion(current_etag=current)
    return current
