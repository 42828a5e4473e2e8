"""Keys for machines where nobody configured any: made once, kept beside the local database, never in the repository."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path


def local_key(var_dir: Path, name: str) -> str:
    """Return the base64 of a 32-byte key kept in `var/keys/NAME`, made on first use (mode 0600)."""
    path = var_dir / "keys" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text(encoding="ascii")
