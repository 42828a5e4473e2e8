"""What telemetry adds to a backup: Parquet files, from which the warehouse is built anew, and the keys of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from django.conf import settings

from common.backup.contributions import CONTRIBUTIONS, FILES, Contribution, Facts, Files
from common.backup.fields import fingerprints
from common.backup.files import link_or_copy


def register() -> None:
    """Register it."""
    CONTRIBUTIONS.register("telemetry", Contribution(keys=lambda: fingerprints("TELEMETRY_TOKEN_KEYS")))
    FILES.register("telemetry", Files(_folder, _stage))


def _folder() -> Path:
    return Path(settings.TELEMETRY_DIR)


def _stage(target: Path, facts: Mapping[str, Facts]) -> None:
    """Give every file a second name while nobody rewrites any; events that came after the snapshot may come again."""
    if not _folder().is_dir():
        return
    from telemetry.sinks.files import reading  # where there are files, pyarrow is installed

    with reading(_folder()):
        for path in sorted(_folder().glob("type=*/day=*/*.parquet")):
            if not path.name.startswith("."):
                link_or_copy(path, target / path.relative_to(_folder()))
