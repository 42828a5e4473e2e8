"""Synthetic athletes with histories, and jobs that refit each; prints the jobs' ids as JSON.

`python -m tests.chaos.refits ATHLETES TIMES` in the environment of a migrated stack.
"""

from __future__ import annotations

import json
import sys
from typing import Final

HISTORY_DAYS: Final = 400


def queue_refits(athletes: int, times: int) -> list[str]:
    """Make the athletes and queue their refits; return the jobs' ids."""
    from common.context import unit_of_work
    from common.jobs import enqueue
    from modeling.jobs import REFIT, REFITTER

    made = [_athlete(number) for number in range(athletes)]
    with unit_of_work(REFITTER):
        return [str(enqueue(REFIT, {"athlete_id": athlete}).pk) for athlete in made * times]


def _athlete(number: int) -> str:
    from accounts.services.people import add_athlete
    from common import clock
    from common.context import unit_of_work
    from common.management.base import COMMAND_LINE
    from modeling.services.import_history import add_activities
    from modeling.services.record_test import add_test, add_threshold
    from plans.demo.simulator import SyntheticAthlete, synthetic_history

    name = f"Synthetic runner {number + 1}"
    person = SyntheticAthlete(name, "running", "intermediate", "elite", "female", 1990, number)
    history = synthetic_history(person, until=clock.today(), days=HISTORY_DAYS)
    with unit_of_work(COMMAND_LINE):
        athlete = add_athlete(
            name=name, sport="running", level="intermediate", tier="elite", is_synthetic=True, acting_user=COMMAND_LINE
        )
        since = min(activity.day for activity in history.activities)
        add_threshold(
            athlete_id=athlete.pk,
            sport="running",
            valid_from=since,
            pace_s_per_km=history.threshold_pace,
            threshold_hr=172.0,
            max_hr=190.0,
            acting_user=COMMAND_LINE,
        )
        add_activities(athlete_id=athlete.pk, activities=history.activities, acting_user=COMMAND_LINE)
        for day, value in history.tests:
            add_test(
                athlete_id=athlete.pk, day=day, value=value, kind="race", note="synthetic", acting_user=COMMAND_LINE
            )
    return str(athlete.pk)


if __name__ == "__main__":
    import django

    django.setup()
    sys.stdout.write(json.dumps(queue_refits(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
