"""Athletes: the list a coach lands on, the athlete's page with charts and model card, and the forms beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.models import Athlete
from accounts.requests import acting_user
from accounts.scope import athlete_for, athletes_in_scope
from accounts.services.people import add_athlete, edit_athlete
from common.admin import PolicyAdmin
from common.body_limit import takes_files
from common.context import unit_of_work
from common.errors import DomainError, KeyDestroyed, NotPermitted, NotVisible
from common.jobs import Job
from common.translating.showing import shown
from modeling.models import Activity, Fit, Grade
from modeling.policies import visible_fits, visible_history
from modeling.services.fit_athlete import fit_athlete
from modeling.services.import_history import import_history
from modeling.services.proposals import accept_proposals, dismiss_proposals, propose_tests
from modeling.services.record_test import add_test, add_threshold
from plans.admin.athlete_page import athlete_context
from plans.admin.forms import ImportForm, PlanForm, TestForm, ThresholdForm
from plans.admin.plan_history import plan_history_context
from plans.models import Plan
from plans.policies import visible_plans
from plans.services.request_plan import job_of, request_for, request_plan

EDITABLE = ("name", "level", "tier", "birth_year", "sex", "resting_heart_rate", "time_zone", "units", "team")


def own_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark an admin view whose services open and commit their own units of work."""
    view.own_transaction = True  # type: ignore[attr-defined]
    return view


@admin.register(Athlete)
class AthleteAdmin(PolicyAdmin):
    view_verb, add_verb, change_verb = "athlete:view", "athlete:add", "athlete:edit"
    list_display = ("__str__", "sport", "level", "tier", "grade", "last_activity", "plan_count")
    list_filter = ("sport", "level", "tier")
    search_fields = ("name",)
    ordering = ("name", "id")
    fields = ("name", "sport", "level", "tier", "birth_year", "sex", "resting_heart_rate", "time_zone", "units", "team")

    def visible(self, user: Any) -> Q:
        return athletes_in_scope(user, "athlete:view")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Athlete]:
        rows: Any = super().get_queryset(request)
        user = acting_user(request)
        fits = Fit.objects.filter(visible_fits(user), athlete=OuterRef("pk"), invalidated_at=None).order_by("-id")
        activities = Activity.objects.filter(visible_history(user), athlete=OuterRef("pk")).order_by("-day")
        plans = Plan.objects.filter(visible_plans(user), athlete=OuterRef("pk")).order_by()
        return rows.annotate(
            n_plans=Coalesce(Subquery(plans.values("athlete").annotate(n=Count("pk")).values("n")), 0),
            newest_grade=Subquery(fits.values("grade")[:1]),
            last_day=Subquery(activities.values("day")[:1]),
        )

    @admin.display(description="plans", ordering="n_plans")
    def plan_count(self, athlete: Any) -> int:
        return int(athlete.n_plans)

    @admin.display(description="model")
    def grade(self, athlete: Any) -> str:
        return shown(str(Grade(athlete.newest_grade).label)) if athlete.newest_grade else "–"

    @admin.display(description="last activity")
    def last_activity(self, athlete: Any) -> Any:
        return athlete.last_day or "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Athlete | None = None) -> tuple[str, ...]:
        return ("sport",) if obj else ()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/change/", wrap(self.page), name="accounts_athlete_change"),
            path("<uuid:pk>/plan-history/", wrap(self.plan_history), name="athlete_plan_history"),
            path("<uuid:pk>/profile/", wrap(self.profile), name="athlete_profile"),
            path(
                "<uuid:pk>/import/",
                wrap(takes_files(own_transaction(self._bound("import_view")))),
                name="athlete_import",
            ),
            path("<uuid:pk>/plan/", wrap(own_transaction(self._bound("plan_view"))), name="athlete_plan"),
            path("<uuid:pk>/plan/<uuid:job_id>/", wrap(self.request_view), name="athlete_plan_request"),
            path("<uuid:pk>/test/", wrap(self.test_view), name="athlete_test"),
            path("<uuid:pk>/threshold/", wrap(self.threshold_view), name="athlete_threshold"),
            path("<uuid:pk>/fit/", wrap(self.fit_view), name="athlete_fit"),
            path("<uuid:pk>/proposals/", wrap(self.proposals_view), name="athlete_proposals"),
        ]
        return [*own, *super().get_urls()]

    def _bound(self, name: str) -> Callable[..., HttpResponse]:
        method = getattr(self, name)

        def view(request: HttpRequest, pk: UUID) -> HttpResponse:
            return method(request, pk)

        return view

    def profile(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The record itself, for whoever may change it: others have no use for a birth year and a resting pulse."""
        athlete_for(acting_user(request), "athlete:edit", pk)
        return self.changeform_view(request, str(pk), extra_context={"title": shown("Profile")})

    def page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The athlete at a glance."""
        athlete = athlete_for(acting_user(request), "athlete:view", pk)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(athlete)}
        return TemplateResponse(
            request, "plans/athlete.html", {**context, **athlete_context(athlete, acting_user(request))}
        )

    def plan_history(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Versions, decisions and, for those who read the audit log, its entries."""
        found = plan_history_context(acting_user(request), pk, request.GET.dict())
        title = f"Plan history – {found['athlete']}" if found["athlete"] else "Plan history"
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "is_fullwidth": "1"}
        return TemplateResponse(request, "plans/plan_history.html", {**context, **found})

    def import_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Import files; what was not taken is listed under the form."""
        athlete = self._athlete(request, pk, "history:import")
        form = ImportForm(request.POST or None, request.FILES or None)
        report = None
        if request.method == "POST" and form.is_valid():
            report = import_history(
                athlete_id=pk,
                sources=[(file.name, file) for file in form.cleaned_data["history"]],
                start=form.cleaned_data["start"],
                acting_user=acting_user(request),
            )
            messages.success(
                request,
                f"{report.added} activities added, {report.known} known already, {report.tests_added} tests.",
            )
            if not report.problems:
                return self._back(pk)
        return self._form(request, athlete, "Import history", form, "Import", report=report)

    def plan_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Generate a plan."""
        athlete = self._athlete(request, pk, "plan:generate")
        form = PlanForm(request.POST or None, athlete=athlete)
        if request.method == "POST" and form.is_valid():
            try:
                generation = request_plan(athlete_id=pk, wish=form.wish(), acting_user=acting_user(request))
            except KeyDestroyed as error:
                messages.error(request, shown(error.detail))
                return self._back(pk)
            except DomainError as error:
                _show_on(form, error)
            else:
                return self._after_request(request, athlete, job_of(generation))
        return self._form(request, athlete, "Generate a plan", form, "Generate")

    def request_view(self, request: HttpRequest, pk: UUID, job_id: UUID) -> HttpResponse:
        """Follow a plan in the making: the page asks again until there is a plan or a reason why not."""
        athlete = athlete_for(acting_user(request), "plan:generate", pk)
        job = request_for(acting_user(request), job_id)
        return self._after_request(request, athlete, job)

    def test_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Record a test."""
        athlete = self._athlete(request, pk, "history:import")
        form = TestForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                add_test(athlete_id=pk, acting_user=acting_user(request), **form.cleaned_data)
            except KeyDestroyed as error:
                messages.error(request, shown(error.detail))
                return self._back(pk)
            except DomainError as error:
                _show_on(form, error)
            else:
                messages.success(request, shown("Test recorded."))
                return self._back(pk)
        return self._form(request, athlete, "Record a test", form, "Record")

    def threshold_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Record thresholds."""
        athlete = self._athlete(request, pk, "history:import")
        form = ThresholdForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                add_threshold(athlete_id=pk, sport=athlete.sport, acting_user=acting_user(request), **form.cleaned_data)
            except KeyDestroyed as error:
                messages.error(request, shown(error.detail))
                return self._back(pk)
            except DomainError as error:
                _show_on(form, error)
            else:
                messages.success(request, shown("Thresholds recorded; loads since then were computed again."))
                return self._back(pk)
        return self._form(request, athlete, "Record thresholds", form, "Record")

    def fit_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Fit now."""
        if request.method == "POST":
            try:
                fit = fit_athlete(athlete_id=pk, acting_user=acting_user(request))
                messages.success(request, shown(f"Fitted: {fit.get_grade_display().lower()}, {fit.n_tests} tests."))
            except (NotVisible, NotPermitted):
                raise
            except DomainError as error:
                messages.error(request, shown(error.detail))
        return self._back(pk)

    def proposals_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Find, accept or dismiss proposed tests."""
        if request.method != "POST":
            return self._back(pk)
        ids = [UUID(value) for value in request.POST.getlist("proposal")]
        user: Any = acting_user(request)
        try:
            match request.POST.get("do"):
                case "accept":
                    tests = accept_proposals(athlete_id=pk, acting_user=user, proposal_ids=ids or None)
                    messages.success(request, shown(f"{len(tests)} tests accepted."))
                case "dismiss":
                    count = dismiss_proposals(athlete_id=pk, acting_user=user, proposal_ids=ids)
                    messages.success(request, shown(f"{count} proposals set aside."))
                case _:
                    found = propose_tests(athlete_id=pk, acting_user=user)
                    messages.success(request, shown(f"{len(found)} near-maximal efforts found."))
        except (NotVisible, NotPermitted):
            raise
        except DomainError as error:
            messages.error(request, shown(error.detail))
        return self._back(pk)

    def save_model(self, request: HttpRequest, obj: Athlete, form: forms.ModelForm[Athlete], change: bool) -> None:
        user: Any = acting_user(request)
        data = form.cleaned_data
        if change:
            changes = {name: data[name] for name in form.changed_data if name in EDITABLE}
            edit_athlete(athlete_id=obj.pk, changes=changes, acting_user=user)
        else:
            obj.pk = add_athlete(acting_user=user, **data).pk

    def _athlete(self, request: HttpRequest, pk: UUID, verb: str) -> Athlete:
        with unit_of_work(acting_user(request), read_only=True):
            return athlete_for(acting_user(request), verb, pk)

    def _back(self, pk: UUID) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:accounts_athlete_change", args=[pk]))

    def _after_request(self, request: HttpRequest, athlete: Athlete, job: Job) -> HttpResponse:
        if job.problem:
            messages.error(request, shown(job.problem.get("detail", "The plan could not be generated.")))
            return self._back(athlete.pk)
        plan_id = (job.result or {}).get("plan_id")
        if plan_id:
            return HttpResponseRedirect(reverse("admin:plans_plan_change", args=[plan_id]))
        here = reverse("admin:athlete_plan_request", args=[athlete.pk, job.pk])
        if request.path != here:
            return HttpResponseRedirect(here)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": f"Generating – {athlete}"}
        return TemplateResponse(request, "plans/waiting.html", {**context, "athlete": athlete, "job": job})

    def _form(
        self, request: HttpRequest, athlete: Athlete, title: str, form: forms.Form, submit: str, **more: Any
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{title} – {athlete}",
            "heading": title,
            "athlete": athlete,
            "form": form,
            "submit": submit,
            **more,
        }
        return TemplateResponse(request, "plans/form.html", context)


def _show_on(form: forms.Form, error: DomainError) -> None:
    """Put a refusal where the person can mend it: at its field, else above the form."""
    pointed = [(e["pointer"].removeprefix("#/"), e["detail"]) for e in error.errors]
    placed = [(field, detail) for field, detail in pointed if field in form.fields]
    for field, detail in placed:
        form.add_error(field, detail)
    if not placed:
        form.add_error(None, error.detail)
