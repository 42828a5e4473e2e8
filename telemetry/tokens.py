"""Tokens for people: joinable within the warehouse, worthless outside it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def person_token(person_id: UUID | str, *, version: int | None = None) -> str:
    """Return `v<version>:<hex>`, HMAC-SHA-256 of the id under a versioned key (`settings.TELEMETRY_TOKEN_KEYS`).

    The newest key is used unless `version` says otherwise, which an old event needs to be found again.

    Raises:
        ValueError: `person_id` is no UUID; anything else could be a name.
    """
    keys: dict[int, str] = settings.TELEMETRY_TOKEN_KEYS
    if not keys:
        raise ImproperlyConfigured("TELEMETRY_TOKEN_KEYS wants at least one key")
    number = version or max(keys)
    digest = hmac.new(base64.b64decode(keys[number]), UUID(str(person_id)).bytes, hashlib.sha256)
    return f"v{number}:{digest.hexdigest()}"


def person_tokens(person_id: UUID | str) -> list[str]:
    """Return a person's tokens under every key that there is, the oldest first."""
    return [person_token(person_id, version=version) for version in sorted(settings.TELEMETRY_TOKEN_KEYS)]
