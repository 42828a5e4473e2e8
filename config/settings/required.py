"""What production cannot do without, and who asks for it: the settings themselves, and the whole stack (`Procfile`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from config.settings import env

# Variable → what it is, for whoever has to set it.
SETTINGS: Final[Mapping[str, str]] = {
    "SECRET_KEY": "at least 32 characters, of chance",
    "ALLOWED_HOSTS": "names under which the service is reached, separated by commas",
    "FIELD_ENCRYPTION_KEYS": "1:BASE64 of 32 bytes of chance",  # nosec B105  # a description
    "TELEMETRY_TOKEN_KEYS": "1:BASE64 of 32 bytes of chance",  # nosec B105  # a description
    "AUDIT_SIGNING_KEYS": "1:BASE64 of 32 bytes of chance",
}
STACK: Final[Mapping[str, str]] = {
    **SETTINGS,
    "DATABASE_URL": "postgresql://app_rw@HOST/mesocycle",
    "REDIS_URL": "redis://HOST:6379/0",
    "CELERY_BROKER_URL": "redis://HOST:6379/1",
}


def missing(names: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that are unset or blank, with what they are."""
    return {name: what for name, what in names.items() if not env.text(name)}


def main() -> int:
    """Say what is missing for the whole stack; 0 where nothing is, else 2."""
    absent = missing(STACK)
    for name, what in absent.items():
        sys.stderr.write(f"{name} is missing: {what}\n")
    if absent:
        sys.stderr.write("Set it in the environment or in .env (docs/operations/deploy.md).\n")
    return 2 if absent else 0


if __name__ == "__main__":
    raise SystemExit(main())
