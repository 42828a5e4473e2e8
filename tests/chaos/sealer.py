"""A sealer and archiver that never rests, to be killed: `python -m tests.chaos.sealer` in the environment of a stack.

Beat's turns go on beside it. Small batches make many transactions, so that a kill often falls into one.
"""

from __future__ import annotations

import logging
import time

BATCH, SEGMENT = 20, 300
ARCHIVE_EVERY_SECONDS = 3.0


def main() -> None:
    """Seal and archive until killed; what fails is logged and tried again, as a scheduled task is."""
    from django.db import connection

    from audit.services.archive import archive
    from audit.services.seal import seal

    logger = logging.getLogger("mesocycle.chaos")
    archived = time.monotonic()
    while True:
        try:
            seal(batch=BATCH)
            if time.monotonic() - archived > ARCHIVE_EVERY_SECONDS:
                archived = time.monotonic()
                archive(most=SEGMENT)
        except Exception:
            logger.exception("not sealed or archived")
        connection.close_if_unusable_or_obsolete()
        time.sleep(0.2)


if __name__ == "__main__":
    import django

    django.setup()
    main()
