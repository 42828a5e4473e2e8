"""A race's result, told to the warehouse once it is known: whenever tests of an athlete's race day come or change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import date, timedelta
from typing import Final

from accounts.models import Athlete
from modeling.models import Test
from modeling.models.test import TestKind
from plans.models import Plan, PlanVersion
from plans.policies import Actor
from plans.racing import Performance, result_of
from plans.services.announce import telemetry_data
from telemetry.models import OutboxEvent
from telemetry.services import emit

EVENT: Final = "race.result"


def tell_results(athlete: Athlete, days: Collection[date], acting_user: Actor) -> None:
    """Tell the results of the races on these days; runs inside the unit of work that changed tests of them.

    Of plans alone that the athlete trained by, and once a result: a corrected one is told again.
    """
    plans = Plan.objects.filter(athlete=athlete, race_date__in=days, active_version__isnull=False)
    for plan in plans.select_related("active_version").order_by("pk"):
        raced = _raced(plan)
        if raced is not None and plan.active_version is not None:
            _tell(plan, plan.active_version, raced)


def _raced(plan: Plan) -> Performance | None:
    """Return the performance of the race day: a race before an effort in the field, the newest of its kind.

    What is noted as another race's result is none of this one; nobody races in a laboratory.
    """
    rows = Test.objects.filter(athlete=plan.athlete_id, day=plan.race_date, deleted_at=None).exclude(kind=TestKind.LAB)
    found = sorted(rows, key=lambda row: (row.kind != TestKind.RACE, -row.pk.int))
    performances = (Performance(row.value, row.note) for row in found)
    return next((one for one in performances if one.race in ("", plan.race)), None)


def _before(plan: Plan, version: PlanVersion) -> Performance | None:
    """Return the last test before the plan began: up to the day on which it was made, or to its first Monday."""
    last = plan.created_at.date()
    if version.weeks_json:
        last = max(last, date.fromisoformat(version.weeks_json[0]["monday"]) - timedelta(days=1))
    rows = Test.objects.filter(athlete=plan.athlete_id, day__lte=last, day__lt=plan.race_date, deleted_at=None)
    newest = rows.order_by("-day", "-id").first()
    return Performance(newest.value, newest.note) if newest else None


def _tell(plan: Plan, version: PlanVersion, raced: Performance) -> None:
    result = result_of(plan.race, raced, predicted=version.predicted_json, before=_before(plan, version))
    told = OutboxEvent.objects.filter(type=EVENT, aggregate_id=plan.pk).order_by("-id").first()
    if told is not None and told.data["data"]["raced"] == result.raced:
        return
    more = {
        "race": plan.race,
        "grade": version.provenance_json.get("grade", ""),
        "raced_on": plan.race_date,
        **asdict(result),
    }
    emit(EVENT, aggregate_id=plan.pk, data={**telemetry_data(plan, version), **more})
