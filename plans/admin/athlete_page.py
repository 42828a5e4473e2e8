"""What the athlete's page shows: charts, model card, recent activities, plans, proposals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from accounts.models import Athlete
from accounts.preferences import today_of
from accounts.scope import verbs_on
from modeling.core.performance import time_from_vdot
from modeling.core.priors import Priors
from modeling.models import Activity
from modeling.presentation import KIND_TILES, model_card
from modeling.selectors import FitInputs, fit_inputs, history_summary, newest_fit
from modeling.services.fit_athlete import priors_of
from modeling.services.model_view import curves_of, planned_curves
from modeling.services.proposals import open_proposals
from plans.models import Plan, PlanSession
from plans.policies import plans_for
from plans.presentation import clock_text, predicted_text, race_label
from plans.services.what_if import predicting

CHART_DAYS: Final = 182
RECENT: Final = 7
PLANS: Final = 8
ACTIVE: Final = ("generated", "draft", "needs_revision", "coach_reviewed", "approved", "published")


def athlete_context(athlete: Athlete, user: Any) -> dict[str, Any]:
    """Return the page's data; a bounded number of queries whatever the history."""
    today = today_of(athlete)
    inputs = fit_inputs(athlete, until=today - timedelta(days=1))
    fit = newest_fit(athlete) if inputs else None
    plans = plans_for(user).filter(athlete=athlete)
    plan = plans.filter(status__in=ACTIVE).first()
    # By scope, not by role: a colleague with one shared plan gets to this page too.
    allowed = verbs_on(user, athlete.pk, _VERBS)
    may = {verb.replace(":", "_"): verb in allowed for verb in _VERBS}
    sees_numbers = may["history_view"]
    return {
        "athlete": athlete,
        "may": may,
        "today": today,
        "summary": history_summary(athlete) if sees_numbers else None,
        "fit": fit if sees_numbers else None,
        "card": model_card(fit) if fit and sees_numbers else None,
        "chart": _chart(inputs, plan, athlete, today) if inputs and sees_numbers else None,
        "activities": _recent(athlete) if sees_numbers else [],
        "proposals": open_proposals(athlete) if may["history_import"] else [],
        "plans": [_plan_row(row) for row in plans[:PLANS]],
    }


_VERBS: Final = ("history:view", "history:import", "model:fit", "plan:generate", "athlete:edit")


def _plan_row(plan: Plan) -> dict[str, Any]:
    predicted = plan.head_version.predicted_json if plan.head_version else None
    return {
        "plan": plan,
        "race": race_label(plan.race),
        "predicted": predicted_text(predicted) if predicted else "",
    }


def _recent(athlete: Athlete) -> list[dict[str, Any]]:
    rows = Activity.objects.filter(athlete=athlete, deleted_at=None)[:RECENT]
    return [
        {
            "row": row,
            "tile": KIND_TILES[row.sport],
            "time": f"{int(row.duration_s) // 3600}:{int(row.duration_s) % 3600 // 60:02d}" if row.duration_s else "–",
            "km": row.distance_m / 1000 if row.distance_m else None,
            "flags": [flag.replace("-", " ") for flag in row.load_flags],
        }
        for row in rows
    ]


def _chart(inputs: FitInputs, plan: Plan | None, athlete: Athlete, today: date) -> dict[str, Any]:
    """Return what the two charts draw: the last half year, and what the head plan's loads would do.

    Both by the priors of the model version that made the plan, as its prediction is.
    """
    priors = priors_of(athlete, predicting(plan.head_version if plan else None))
    curves = curves_of(inputs, athlete.sport, last=CHART_DAYS, priors=priors)
    first = curves.days[0].isoformat()
    return {
        "days": [day.isoformat() for day in curves.days],
        "fitness": curves.fitness,
        "fatigue": curves.fatigue,
        "form": curves.form,
        "performance": curves.performance,
        "low": curves.performance_low,
        "high": curves.performance_high,
        "tests": [
            {"day": t["day"].isoformat(), "value": t["value"], "label": _test_label(t, athlete)}
            for t in curves.tests
            if t["day"].isoformat() >= first
        ],
        "unit": curves.unit,
        "today": today.isoformat(),
        "planned": _planned(inputs, plan, today, priors),
        "now": {"fitness": curves.fitness[-1], "fatigue": curves.fatigue[-1], "form": curves.form[-1]},
    }


def _planned(inputs: FitInputs, plan: Plan | None, today: date, priors: Priors) -> list[dict[str, Any]]:
    """Return the head version's days from today to race morning, with the states its loads lead to."""
    if plan is None or plan.head_version is None or plan.race_date <= today:
        return []
    rows = PlanSession.objects.filter(version=plan.head_version, day__gte=today, day__lt=plan.race_date)
    loads = np.zeros((plan.race_date - today).days + 1)
    for row in rows:
        loads[(row.day - today).days] += row.load
    ahead = planned_curves(inputs, loads, priors=priors)
    days = [(today + timedelta(days=i)).isoformat() for i in range(len(loads))]
    names = [name for name, values in ahead.items() if values]
    return [{"day": day, **{name: ahead[name][i] for name in names}} for i, day in enumerate(days)]


def _test_label(test: dict[str, Any], athlete: Athlete) -> str:
    if athlete.sport == "running":
        return f"VDOT {test['value']:.1f} (5 km in {clock_text(time_from_vdot(test['value'], 5000.0))})"
    return f"{test['value']:.0f} W"
