"""What the nightly run does once the feature store is new: propose patterns that were never found before."""

from __future__ import annotations

from modeling.training.patterns import significant
from plans.evidence.reading import NoStore, reading
from plans.services.override_patterns import FINDER, propose_patterns


def propose_from_store() -> int:
    """Look through the feature store and return how many patterns were proposed; a second run proposes none.

    Without a store that can be read there is nothing to find: the run that reads it says so.
    """
    try:
        read = reading()
    except NoStore:
        return 0
    return len(propose_patterns(found=significant(read.of), data_sha256=read.data_sha256, acting_user=FINDER))
