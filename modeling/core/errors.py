"""What a fit refuses."""

from __future__ import annotations


class FitError(ValueError):
    """Inputs that cannot be fitted; `field` names which: "loads", "tests" or "window"."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field
