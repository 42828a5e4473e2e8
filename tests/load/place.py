"""Where load is tried: a database on the PostgreSQL server of TEST_DATABASE_ADMIN_URL, and a folder for keys and logs.

LOAD_DATABASE (mesocycle_load) and LOAD_FOLDER (var/load) name them; what is there is used again. LOAD_REDIS_URL
(number 3 on this machine) and LOAD_PORT (8200) are the server's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from config.settings.local_keys import local_key
from tests.support.databases import ADMIN_URL, ROOT

_KEYS = {
    "FIELD_ENCRYPTION_KEYS": "field_encryption_key",
    "TELEMETRY_TOKEN_KEYS": "telemetry_token_key",
    "AUDIT_SIGNING_KEYS": "audit_signing_key",
}


@dataclass(frozen=True)
class Place:
    """A database, the folder of its keys, and what a server of it needs."""

    database: str
    folder: Path
    redis: str
    port: int

    @classmethod
    def named(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the place that the environment names."""
        return cls(
            environment.get("LOAD_DATABASE", "mesocycle_load"),
            Path(environment.get("LOAD_FOLDER", str(ROOT / "var" / "load"))),
            environment.get("LOAD_REDIS_URL", "redis://127.0.0.1:6379/3"),
            int(environment.get("LOAD_PORT", "8200")),
        )

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def admin_url(self) -> str:
        """The database as seen by who may do everything."""
        return urlunsplit((*urlsplit(ADMIN_URL)[:2], f"/{self.database}", "", ""))

    def url(self, role: str) -> str:
        """Return the DATABASE_URL of a role."""
        parts = urlsplit(ADMIN_URL)
        secret = f":{parts.password}" if parts.password else ""
        return urlunsplit(
            (parts.scheme, f"{role}{secret}@{parts.hostname}:{parts.port or 5432}", self.database, "", "")
        )

    def environment(self, role: str = "app_rw") -> dict[str, str]:
        """Return what commands run with: a developer's settings, so that keys are made once in `var`."""
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "ENVIRONMENT_NAME": "local",
            "DATABASE_URL": self.url(role),
            "MESOCYCLE_VAR": str(self.var),
            "EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
            "LOG_LEVEL": "ERROR",
        }

    def keys(self) -> dict[str, str]:
        """Return the keys as production's settings want them."""
        found = {variable: f"1:{local_key(self.var, name)}" for variable, name in _KEYS.items()}
        return {"SECRET_KEY": local_key(self.var, "secret_key"), **found}
