"""What experiments of the tests ask."""

from __future__ import annotations

from typing import Any


def protocol(control: str = "a", **changes: Any) -> dict[str, Any]:
    """A protocol as people write it."""
    return {"control": control, "primary_metric": "adherence", "planned_subjects": 240, **changes}
