"""Many small Parquet files become one a type and day."""

from __future__ import annotations

from typing import Any

from common import clock
from telemetry.selectors import everybody_forgotten
from telemetry.services.forget import folder, rewriting_module, tell_broken


def compact_due() -> Any:
    """Compact the files of all days before today (UTC); return what was done (`Rewritten`), None without files.

    Files that cannot be read are left as they are with their day, and the team is told.

    Raises:
        SinkUnavailable: there are files, and pyarrow is not installed.
    """
    if not folder().is_dir():
        return None
    done = rewriting_module().compact_files(folder(), before=clock.today(), forget=everybody_forgotten())
    if done.broken:
        tell_broken(done.broken)
    return done
