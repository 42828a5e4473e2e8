"""What a process that serves requests begins with, whichever way it serves them."""

from __future__ import annotations


def begin() -> None:
    """Say from the start by which flags this process decides; Django is set up."""
    from rollout.selectors import LIVE

    LIVE.begin()
