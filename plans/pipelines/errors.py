"""What can be wrong with a wish for a plan."""

from __future__ import annotations


class InvalidGoal(ValueError):
    """A goal that cannot be planned for.

    field: "race_date", "race_distance", "goal_time" or "available_days"; detail: one sentence for the athlete.
    """

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail
