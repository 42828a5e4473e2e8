"""What the coach's review page is given: one document with the plan, its head version, its baseline and its past."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.urls import reverse

from accounts.matrix import relation_for
from accounts.models import User
from accounts.preferences import current_reader, today_of
from accounts.scope import verbs_on
from common.etag import etag_for
from common.keys import key_ring
from common.translating.showing import day, shown
from modeling.tagging.tags import LABELS
from plans.admin.pending import DOTS
from plans.admin.review_past import past_of
from plans.admin.review_state import banners_of, rights_of
from plans.document.patch import REASONS
from plans.generation import snapshot_of
from plans.models import Plan, PlanVersion
from plans.pipelines.intensity import SESSION_LOAD_PER_HOUR, Intensities
from plans.policies import comments_for, visible_plans
from plans.presentation import clock_text, race_label
from plans.schedule import adherence
from plans.selectors import Week, content_of, entry_of, names_of, weeks_of
from plans.services.what_if import predicting
from plans.tags import tags_of

PREVIOUS: Final = 6
ADHERENCE_WEEKS: Final = 6
MACHINE: Final = "Mesocycle"


def may_review(user: Any) -> bool:
    """Return whether the user's role edits plans, so that the review page is theirs."""
    return relation_for(user.role, "plan:edit") is not None


def review_context(plan: Plan, user: User) -> dict[str, Any]:
    """Return the page's document; `today` is the server's day, dates are ISO, loads TSS, durations minutes."""
    head = plan.head_version
    assert head is not None
    baseline = head.baseline or head
    today = today_of(plan.athlete)
    rights = rights_of(plan, user, today)
    banners = banners_of(plan, rights, today)
    return {
        "plan": _head_document(plan),
        "version": _version_document(head),
        "baseline": content_of(baseline),
        "versions": _versions(plan),
        "comments": _comments(plan, user, with_tags=rights["tag"]),
        "tags": [(tag, shown(label)) for tag, label in LABELS.items()],
        "etag": etag_for(plan.lock_version, head.content_sha256),
        "today": today.isoformat(),
        "can": rights,
        "banners": banners,
        "banner": banners.get(plan.status),
        "past": past_of(plan, today, beside=bool(verbs_on(user, plan.athlete_id, ("history:view",)))),
        "urls": _urls(plan, head),
        "previous_plans": _previous(plan, user),
        "adherence": _adherence(plan),
        "weeks_to_go": max((plan.race_date - today).days, 0) // 7,
        "grade": _grade(head.provenance_json),
        "reasons": [(reason, shown(label)) for reason, label in REASONS.items()],
        "adjusted": _adjusted(head, content_of(baseline)["sessions"]),
        "why": _why(plan, head.provenance_json),
        "intensity": _intensity(plan, today),
        "reader": _reader(),
    }


def _adherence(plan: Plan) -> list[dict[str, Any]]:
    """Return the weeks in which something was due, oldest first."""
    weeks = [week for week in adherence(plan.athlete_id, today_of(plan.athlete), weeks=ADHERENCE_WEEKS) if week.due]
    return [
        {"monday": week.monday.isoformat(), "label": day(week.monday, "j M"), "percent": week.percent} for week in weeks
    ]


def _head_document(plan: Plan) -> dict[str, Any]:
    return {
        "id": str(plan.pk),
        "athlete_id": str(plan.athlete_id),
        "athlete_name": str(plan.athlete),
        "status": plan.status,
        "status_label": shown(str(plan.get_status_display())),
        "race": plan.race,
        "race_label": race_label(plan.race),
        "race_date": plan.race_date.isoformat(),
        "goal_seconds": plan.goal_seconds,
        "goal_time": clock_text(plan.goal_seconds) if plan.goal_seconds else None,
        "pipeline": plan.pipeline,
        "active_version_id": str(plan.active_version_id) if plan.active_version_id else None,
    }


def _version_document(version: PlanVersion) -> dict[str, Any]:
    return {
        "id": str(version.pk),
        "version_number": version.version_number,
        "status": version.status,
        "created_at": version.created_at.isoformat(),
        "weeks": [_week_document(week) for week in weeks_of(version)],
        "predicted": version.predicted_json,
        "warnings": [shown(text) for text in version.warnings_json],
        "relaxed": [_said(item) for item in version.relaxed_json],
        "adjustments": version.adjustments,
        "diff_summary_json": version.diff_summary_json,
        "content_sha256": version.content_sha256,
    }


def _week_document(week: Week) -> dict[str, Any]:
    return {
        "number": week.number,
        "monday": week.monday.isoformat(),
        "phase": week.phase,
        "is_recovery": week.is_recovery,
        "target_load": week.target_load,
        "load": round(week.load, 1),
        "sessions": [{"session_id": str(row.session_id), **entry_of(row)} for row in week.sessions],
    }


def _versions(plan: Plan) -> list[dict[str, Any]]:
    rows = list(PlanVersion.objects.filter(plan=plan).order_by("-version_number"))
    names = dict(User.objects.filter(pk__in={row.author_id for row in rows}).values_list("pk", "name"))
    return [
        {
            "id": str(row.pk),
            "version_number": row.version_number,
            "status": row.status,
            "author_id": str(row.author_id),
            "author_name": MACHINE if row.baseline_id is None else names.get(row.author_id) or MACHINE,
            "baseline_id": str(row.baseline_id) if row.baseline_id else None,
            "created_at": row.created_at.isoformat(),
            "diff_summary_json": _summary(row.diff_summary_json),
        }
        for row in rows
    ]


def _comments(plan: Plan, user: User, *, with_tags: bool) -> list[dict[str, Any]]:
    """Return the comments that the user may read, as the API has them: four queries for any number."""
    rows = list(comments_for(user, plan).select_related("resolution"))
    tags = tags_of([row.pk for row in rows]) if with_tags else {}
    ring, names = key_ring([plan.athlete_id]), names_of(row.author_id for row in rows)
    return [
        {
            "id": str(row.pk),
            "anchor_id": str(row.anchor_id) if row.anchor_id else None,
            "parent_id": str(row.parent_id) if row.parent_id else None,
            "version_id": str(row.version_id),
            "author_id": str(row.author_id),
            "author_name": names.get(row.author_id, ""),
            "message": ring.read(row.athlete_id, row.message),
            "visibility": row.visibility,
            "created_at": row.created_at.isoformat(),
            "resolved_at": row.resolution.created_at.isoformat() if hasattr(row, "resolution") else None,
            "tags": tags[row.pk].as_json() if row.pk in tags else [],
        }
        for row in rows
    ]


def _urls(plan: Plan, head: PlanVersion) -> dict[str, str | None]:
    api = reverse("plan", args=[plan.pk])
    return {
        "version": reverse("plan-version", args=[plan.pk, head.pk]),
        "versions": f"{api}/versions",
        "what_if": f"{api}/what-if",
        "submit": f"{api}/submit",
        "comments": f"{api}/comments",
        "regenerate": f"{api}/regenerate",
        "compare": reverse("admin:plans_compare", args=[plan.pk]),
        "history": reverse("admin:athlete_plan_history", args=[plan.athlete_id]),
        "csv": reverse("admin:plans_changelog_csv", args=[plan.pk]),
        "athlete": reverse("admin:accounts_athlete_change", args=[plan.athlete_id]),
        "plans": reverse("admin:plans_plan_changelist"),
    }


def _previous(plan: Plan, user: User) -> list[dict[str, Any]]:
    rows = Plan.objects.filter(visible_plans(user), athlete=plan.athlete_id).exclude(pk=plan.pk)[:PREVIOUS]
    return [
        {
            "id": str(row.pk),
            "race": race_label(row.race),
            "race_date": day(row.race_date, "j M Y"),
            "status": shown(str(row.get_status_display())),
            "url": reverse("admin:plans_plan_change", args=[row.pk]),
        }
        for row in rows
    ]


def _adjusted(head: PlanVersion, proposed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pre-adjusted sessions with what became of them: blank where they stand as proposed."""
    present = content_of(head)["sessions"] if head.adjustments else {}
    return [
        one
        | {
            "state": shown(_state_of(one, present, proposed)),
            "reason": shown(one["reason"]),
            "before": shown(one["before"]),
        }
        for one in head.adjustments
    ]


def _state_of(adjustment: dict[str, Any], present: dict[str, Any], proposed: dict[str, Any]) -> str:
    session_id = adjustment["session_id"]
    entry = present.get(session_id)
    if entry is None:
        return "removed"
    if entry == proposed.get(session_id):
        return ""
    return "taken back" if entry == adjustment["original"] | {"locked": entry["locked"]} else "changed since"


def _why(plan: Plan, provenance: dict[str, Any]) -> dict[str, str]:
    """Return what a coach asks of the machine's proposal: which model, how sure, from which data, by which decision."""
    flag = provenance.get("flag") or {}
    found = {
        "Pipeline": plan.pipeline,
        "Grade": str(provenance.get("grade", "–")),
        **_parameters(provenance.get("parameters") or {}),
        "Algorithm": str(provenance.get("algorithm_version", "–")),
        "Model": str(provenance.get("model_version", "–")),
        "Data": str(provenance.get("data_hash", "–"))[:12],
        "Routed by": f"{provenance.get('routing_reason', '–')} ({flag.get('reason', '–')})",
        "Experiment": plan.experiment_arm,
        "Seed": str(provenance.get("seed", "–")),
    }
    return {shown(label): shown(value) for label, value in found.items() if value}


def _said(item: dict[str, Any]) -> dict[str, Any]:
    """Return a guard that gave, with its message in the language at hand."""
    return item | {"message": shown(str(item.get("message") or item.get("guard") or ""))}


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"sentence": shown(str(found.get("sentence") or ""))}


def _reader() -> dict[str, str]:
    """Return units, intensity and time zone of who reads the page."""
    reader = current_reader()
    return {"units": reader.units, "intensity": reader.intensity, "time_zone": reader.time_zone}


def _grade(provenance: dict[str, Any]) -> dict[str, str]:
    """Return the model's grade as three dots and a word."""
    grade = str(provenance.get("grade") or "population")
    filled = DOTS.get(grade, 1)
    return {"name": shown(grade), "dots": "●" * filled + "○" * (3 - filled)}


def _parameters(parameters: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, label in (("tau1", "τ1 fitness"), ("tau2", "τ2 fatigue")):
        value = parameters.get(name)
        number = value.get("value") if isinstance(value, dict) else value
        if isinstance(number, int | float):
            found[label] = f"{number:.0f} d"
    return found


def _intensity(plan: Plan, today: date) -> dict[str, Any]:
    """Return the athlete's zones: load an hour, assumed speed (m/s, running) and target of each; usual load by kind.

    The page reckons with these numbers while somebody types; what is stored and predicted is the server's.
    """
    zones = Intensities.for_athlete(snapshot_of(plan.athlete, today, predicting(plan.head_version)))
    running = zones.sport == "running"
    return {
        "sport": zones.sport,
        "ground": "jog" if running else "spin",
        "zones": {
            name: {
                "load_per_hour": round(zones.zone_load(name), 2),
                "speed": round(zones.assumed_speed(name), 4) if running else None,
                "hard": zones.is_hard(name),
                "target": zones.target(name),
            }
            for name in zones.zones
        },
        "kinds": SESSION_LOAD_PER_HOUR[zones.sport],
    }
