"""The signing keys from the settings."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audit.heads import SigningKeys


def signing_keys() -> SigningKeys:
    """Return the keys of `AUDIT_SIGNING_KEYS` (seeds) and `AUDIT_RETIRED_KEYS` (public keys).

    Raises:
        ImproperlyConfigured: there is none, or one is no 32 bytes in base64.
    """
    try:
        return SigningKeys(_decoded(settings.AUDIT_SIGNING_KEYS), _decoded(settings.AUDIT_RETIRED_KEYS))
    except ValueError as error:
        raise ImproperlyConfigured(f"AUDIT_SIGNING_KEYS, AUDIT_RETIRED_KEYS: {error}") from error


def _decoded(keys: Mapping[int, str]) -> dict[int, bytes]:
    return {version: base64.b64decode(key, validate=True) for version, key in keys.items()}
