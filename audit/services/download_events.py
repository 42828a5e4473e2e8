"""Events as a file for who looks at the log in a browser: some columns for administrators, all for compliance."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from audit.policies import READINGS, may_decrypt, require_log
from audit.services.export_events import COLUMNS, Chosen, events_of, tell_export, write_events
from common.context import unit_of_work

# Where a request came from and with what browser describes a person: only who decrypts gets those columns.
PERSONAL: Final = frozenset({"origin_ip", "user_agent"})
CONTENT_TYPE: Final = "text/csv; charset=utf-8"
_IN_MEMORY: Final = 2_000_000
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True)
class Download:
    """A file that is ready to go: `sha256` (hex) is of its bytes, `rows` counts without the header."""

    file: IO[bytes]
    rows: int
    sha256: str

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, then let the file go."""
        with self.file as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def columns_for(user: Any) -> tuple[str, ...]:
    """Return the columns that the user may take away."""
    return COLUMNS if may_decrypt(user) else tuple(name for name in COLUMNS if name not in PERSONAL)


def download_events(*, chosen: Chosen, acting_user: Any) -> Download:
    """Write the chosen events to a temporary file, record that, and return the file to stream.

    The rows are read in a unit of work of their own, a page at a time, and nothing is handed out before the event with
    row count and hash is committed: a slow reader holds neither a transaction nor an export that nobody recorded.

    Raises:
        NotPermitted: the user does not read the audit log.
    """
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  (closed once it is sent)
    try:
        with unit_of_work(acting_user, read_only=True):
            require_log(acting_user)
            decrypted = may_decrypt(acting_user)
            rows, sha256 = write_events(file, events_of(chosen), columns_for(acting_user), decrypted)
        with unit_of_work(acting_user):
            tell_export(rows, sha256, chosen, decrypted)
            READINGS.get("accounts")(acting_user, page="export", subject_id=chosen.subject_id, events=rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Download(file, rows, sha256)
