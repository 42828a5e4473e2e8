"""Plans by week."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.requests import acting_user
from common.admin import PolicyAdmin, words_filter, words_of
from common.errors import InvalidInput
from common.translating.showing import shown
from modeling.core.performance import RACES
from plans.admin.athletes import own_transaction
from plans.admin.compare_page import LETTERS, compare_context
from plans.admin.pending import pending_context
from plans.admin.review_page import may_review, review_context
from plans.models import Plan
from plans.pipelines.registry import PIPELINES
from plans.policies import plan_for, reviews_athlete, visible_plans
from plans.presentation import clock_text, minutes_text, predicted_text, race_label
from plans.reading import steps_as_read, wording
from plans.selectors import Week, weeks_of
from plans.services.export_changelog import CONTENT_TYPE, export_changelog


@admin.register(Plan)
class PlanAdmin(PolicyAdmin):
    view_verb = "plan:view"
    list_display = ("race_label", "athlete", "race_date", "status", "pipeline_word", "predicted", "created_at")
    list_filter = ("status", ("pipeline", words_filter(*PIPELINES)), ("race", words_filter(*RACES)))
    pipeline_word = words_of("pipeline")
    search_fields = ("athlete__name",)
    list_select_related = ("athlete", "head_version")
    ordering = ("-id",)

    def visible(self, user: Any) -> Q:
        return visible_plans(user)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("pending/", wrap(self.pending), name="plans_pending"),
            path("<uuid:plan_id>/compare/", wrap(self.compare), name="plans_compare"),
            path("<uuid:plan_id>/changelog.csv", wrap(self.changelog_csv), name="plans_changelog_csv"),
        ]
        return [*own, *super().get_urls()]

    def pending(self, request: HttpRequest) -> HttpResponse:
        """The plans that await review."""
        if not may_review(acting_user(request)):
            raise PermissionDenied
        found = pending_context(acting_user(request))
        request.pending_count = len(found["rows"])  # type: ignore[attr-defined]  # the sidebar's badge need not ask again
        context = {**self.admin_site.each_context(request), "title": shown("Pending plans")}
        return TemplateResponse(request, "plans/pending.html", {**context, **found})

    def compare(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """Two versions of a plan side by side, for whoever may see them."""
        found = compare_context(acting_user(request), plan_id, request.GET.dict())
        title = f"{found['race_label']} – {found['plan'].athlete}: {shown('compare versions')}"
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "is_fullwidth": "1"}
        return TemplateResponse(request, "plans/compare.html", {**context, **found})

    @own_transaction
    def changelog_csv(self, request: HttpRequest, plan_id: UUID) -> HttpResponse:
        """The changelog as a file; the service records that it was taken away."""
        try:
            export = export_changelog(plan_id=plan_id, acting_user=acting_user(request))
        except InvalidInput as error:
            messages.error(request, shown(error.detail))
            return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan_id]))
        return HttpResponse(export.content, content_type=CONTENT_TYPE, headers=export.headers)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        rows: Any = super().get_queryset(request)
        return rows.select_related("athlete", "head_version")

    @admin.display(description="race")
    def race_label(self, plan: Plan) -> str:
        return race_label(plan.race)

    @admin.display(description="predicted")
    def predicted(self, plan: Plan) -> str:
        return predicted_text(plan.head_version.predicted_json) if plan.head_version else "–"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A plan by week: the review page for whoever edits this athlete's, else calendar and totals to read."""
        user = acting_user(request)
        plan = plan_for(user, UUID(object_id))
        version = plan.head_version
        assert version is not None
        if may_review(user) and reviews_athlete(user, plan.athlete_id):
            return self._review(request, plan)
        weeks = weeks_of(version)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{race_label(plan.race)} – {plan.athlete}",
            "plan": plan,
            "version": version,
            "race_label": race_label(plan.race),
            "goal": clock_text(plan.goal_seconds) if plan.goal_seconds else "",
            "predicted": predicted_text(version.predicted_json),
            "weeks": [_week_row(week, weeks, plan) for week in weeks],
            "totals": {
                "hours": minutes_text(sum(week.minutes for week in weeks)),
                "load": round(sum(week.load for week in weeks)),
                "sessions": sum(len(week.sessions) for week in weeks),
            },
            "provenance": _provenance(version.provenance_json),
        }
        return TemplateResponse(request, "plans/plan.html", context)

    def _review(self, request: HttpRequest, plan: Plan) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{race_label(plan.race)} – {plan.athlete}",
            "is_fullwidth": "1",
            "element_classes": {"navigation": "rv-nav", "navigation_wrapper": "rv-navwrap", "content": "rv-content"},
            "plan": plan,
            "race_label": race_label(plan.race),
            "goal": clock_text(plan.goal_seconds) if plan.goal_seconds else "",
            "review": review_context(plan, acting_user(request)),
        }
        return TemplateResponse(request, "plans/review.html", context)


def _week_row(week: Week, weeks: list[Week], plan: Plan) -> dict[str, Any]:
    words = wording()
    heaviest = max((w.load for w in weeks), default=1.0) or 1.0
    return {
        "week": week,
        "days": [
            {
                "day": day,
                "is_race": day == plan.race_date,
                "sessions": [
                    {
                        "s": session,
                        "letter": LETTERS.get(session.kind, "·"),
                        "minutes": minutes_text(session.prescribed_work_json.get("duration_min") or 0),
                        "title": words.title(session.title),
                        "steps": steps_as_read(session.prescribed_work_json.get("steps") or [], words),
                        "purpose": shown(session.prescribed_work_json.get("purpose") or ""),
                        "summary": words.summary(session.prescribed_work_json),
                    }
                    for session in sessions
                ],
            }
            for day, sessions in week.days
        ],
        "hours": minutes_text(week.minutes),
        "load": round(week.load),
        "bar": round(100 * week.load / heaviest),
    }


def _provenance(provenance: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a coach asks: which model, how sure, from which data, by which decision."""
    parameters = provenance.get("parameters") or {}
    rows = []
    for name, label in (("tau1", "τ1 fitness"), ("tau2", "τ2 fatigue")):
        value = parameters.get(name)
        if isinstance(value, dict):
            rows.append((label, f"{value['value']:.0f} d"))
        elif isinstance(value, int | float):
            rows.append((label, f"{value:.0f} d"))
    flag = provenance.get("flag") or {}
    found = [
        ("Grade", str(provenance.get("grade", "–"))),
        *rows,
        ("Algorithm", str(provenance.get("algorithm_version", "–"))),
        ("Model", str(provenance.get("model_version", "–"))),
        ("Data", str(provenance.get("data_hash", "–"))[:12]),
        ("Routed by", f"{provenance.get('routing_reason', '–')} ({flag.get('reason', '–')})"),
        ("Seed", str(provenance.get("seed", "–"))),
    ]
    return [(shown(label), shown(value)) for label, value in found]
