"""A published plan whose first weeks are past, made in a process of its own under a clock that was set back.

`manage.py shell -c "from tests.pages.past_review import main; main()"` prints what it made as JSON.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import Athlete, User
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.management.base import COMMAND_LINE
from modeling.history.checks import make_activity
from modeling.services.import_history import add_activities
from plans.models import Plan, PlanGeneration, PlanSession
from plans.schedule import active_sessions
from plans.services.complete_session import complete_session
from plans.services.decide import accept_plan, submit_plan
from plans.services.generate_plan import generate_plan
from plans.services.move_session import move_session
from plans.services.request_plan import PlanWish, request_plan

ATHLETE = "athlete2@demo.mesocycle.example"
DAYS_AGO = 23
RACE = "half_marathon"


@dataclass(frozen=True)
class People:
    user: User
    athlete: Athlete


def main() -> None:
    """Publish a plan three weeks ago, let the athlete move, do, cut short and skip sessions, and print which."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        user = User.objects.get(email=ATHLETE)
        people = People(user, Athlete.objects.get(user=user))
    plan = _published(people, clock.today() - timedelta(days=DAYS_AGO))
    moved, origin = _moved(people, plan)
    due = [row for row in _due(people) if row.session_id != moved.session_id]
    found: dict[str, Any] = {"plan": str(plan.pk), "moved": str(moved.session_id), "moved_from": origin.isoformat()}
    for name, row in zip(("done", "partly", "missed", "unknown"), due, strict=False):
        found[name] = str(row.session_id)
        _say(people, row, name)
    _run(people, moved.day, moved.prescribed_work_json["duration_min"], 64.0)
    sys.stdout.write(json.dumps(found) + "\n")


def _published(people: People, day: date) -> Plan:
    """Publish a plan made on a day; on the command line's word, since the demo's coach is linked from today on."""
    race = day + timedelta(weeks=12)
    wish = PlanWish(race_date=race + timedelta(days=6 - race.weekday()), race_distance=RACE)
    with clock.frozen(_noon(day)):
        request_plan(athlete_id=people.athlete.pk, wish=wish, acting_user=COMMAND_LINE, seed=3, limited=False)
        with unit_of_work(COMMAND_LINE, read_only=True):
            asked = PlanGeneration.objects.filter(athlete=people.athlete, day=day).latest("id")
        made = generate_plan(generation_id=asked.pk, acting_user=COMMAND_LINE)
        with unit_of_work(COMMAND_LINE, read_only=True):
            plan = Plan.objects.select_related("head_version").get(pk=made.pk)
        head = plan.head_version
        assert head is not None
        submit_plan(plan_id=plan.pk, expected=None, acting_user=COMMAND_LINE)
        accept_plan(plan_id=plan.pk, version_id=head.pk, content_sha256=head.content_sha256, acting_user=people.user)
    return plan


def _moved(people: People, plan: Plan) -> tuple[PlanSession, date]:
    """Let the athlete move one past session by a day or two, the first for which the rules allow it."""
    for row in _due(people):
        for days in (1, -1, 2):
            with clock.frozen(_noon(row.day - timedelta(days=row.day.weekday()))):
                try:
                    day = row.day + timedelta(days=days)
                    move_session(plan_id=plan.pk, session_id=row.session_id, day=day, acting_user=people.user)
                except (InvalidInput, NotPermitted, WrongState):
                    continue
            return next(one for one in _due(people) if one.session_id == row.session_id), row.day
    raise AssertionError("no session could be moved")


def _due(people: People) -> list[PlanSession]:
    with unit_of_work(people.user, read_only=True):
        rows = active_sessions(people.athlete.pk).filter(day__lt=clock.today(), modality=people.athlete.sport)
        return list(rows.exclude(kind="rest"))


def _say(people: People, row: PlanSession, name: str) -> None:
    minutes = row.prescribed_work_json["duration_min"]
    if name == "done":
        _run(people, row.day, minutes + 7, 77.0)
    elif name != "unknown":
        status, said = ("skipped", None) if name == "missed" else ("partly", round(minutes / 2))
        with clock.frozen(_noon(row.day)):
            complete_session(
                session_id=row.session_id,
                status=status,
                duration_min=said,
                rpe=8 if said else None,
                acting_user=people.user,
            )


def _run(people: People, day: date, minutes: float, load: float) -> None:
    """Import a run, which the product matches to the day's session."""
    parsed = make_activity(
        source_name="watch.fit",
        sport="running",
        started_at=_noon(day),
        duration_s=minutes * 60,
        distance_m=minutes * 180,
        load=load,
        load_unit="TSS",
        load_source="device",
    )
    add_activities(athlete_id=people.athlete.pk, activities=[parsed], acting_user=people.user)


def _noon(day: date) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T12:00:00+00:00")
