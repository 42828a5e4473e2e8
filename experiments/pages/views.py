"""Experiments in the admin: the list, the form, the commands; preview and results have modules of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.requests import acting_user
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import NotVisible
from common.operator_pages import OperatorAdmin, Refused, own_transaction, tell
from common.translating.showing import said, shown
from experiments.lifecycle import EDITABLE, Command, State
from experiments.models import Experiment
from experiments.pages.acting import acts_of, command, conflict_of, expected_of
from experiments.pages.editing import Answer, create, edit, next_phase, rename, started
from experiments.pages.form import form_of
from experiments.pages.frozen import frozen_of, title_of
from experiments.pages.listing import Assigned, assigned_counts, listing, pill_of
from experiments.pages.preview import preview_page
from experiments.pages.results import results_csv, results_json, results_page
from experiments.pages.typed import Typed, typed_of
from experiments.policies import MANAGE
from experiments.ready import READY


@admin.register(Experiment)
class ExperimentAdmin(OperatorAdmin):
    """All experiments by need, one's form, and what may be done to it."""

    view_verb = MANAGE

    def get_urls(self) -> list[Any]:
        return [
            self._path("", self.list_page, "changelist"),
            self._path("add/", self.add_page, "add"),
            self._path("<uuid:object_id>/change/", self.change_page, "change"),
            self._path("<uuid:object_id>/edit/", self.edit_page, "edit"),
            self._path("<uuid:object_id>/command/", require_POST(self.command), "command"),
            self._path("<uuid:object_id>/preview/", self.preview, "preview"),
            self._path("<uuid:object_id>/results/", self.results, "results"),
            self._path("<uuid:object_id>/results.csv", self.results_as_csv, "results_csv"),
            self._path("<uuid:object_id>/results.json", self.results_as_json, "results_json"),
        ]

    def _path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        """Counts of athletes are read as a service, outside the person's unit of work: each view opens its own."""
        return path(route, self.admin_site.admin_view(own_transaction(view)), name=f"experiments_experiment_{name}")

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """The list; filter and search are in the address."""
        self.allow(request)
        user = acting_user(request)
        chosen, words = request.GET.get("show", "all"), request.GET.get("q", "")[:100]
        counts = assigned_counts(user)
        with unit_of_work(user, read_only=True):
            found = listing(counts, chosen=chosen, words=words)
            known = {name for name, _, _ in found.filters}
            if chosen not in known:
                chosen, found = "all", listing(counts, words=words)
            given = {"listing": found, "chosen": chosen, "words": words, "ready": READY.items()}
            return self.page(request, "experiments/experiments.html", shown("Experiments"), **given).render()

    def add_page(self, request: HttpRequest) -> HttpResponse:
        """Write a draft, from nothing or from one that ships."""
        self.allow(request)
        user = acting_user(request)
        if request.method == "POST":
            typed = Typed(dict(request.POST.lists()))
            answer = create(typed, user=user)
            if answer.experiment is not None:
                messages.success(request, shown("Saved as a draft: nobody is assigned until somebody starts it."))
                return _to("change", answer.experiment.pk)
            return self._form(request, typed, answer)
        ready = READY.find(request.GET.get("ready", ""))
        typed = typed_of(ready.key, ready.document) if ready else typed_of("", {})
        return self._form(request, typed, Answer(), ready=ready)

    def change_page(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Lead to the page of the experiment's state: a draft's preview, the results of what was started."""
        self.allow(request)
        experiment = self._experiment(request, object_id)
        return _to("preview" if experiment.status in EDITABLE else "results", object_id)

    def edit_page(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The form of a draft; of what was started the name, the next phase, and what is frozen."""
        self.allow(request)
        experiment = self._experiment(request, object_id)
        if request.method != "POST":
            if experiment.status not in EDITABLE:
                return self._started(request, experiment)
            return self._form(request, typed_of(experiment.key, vars(experiment)), Answer(), experiment=experiment)
        typed = Typed(dict(request.POST.lists()))
        saves = edit if typed.one("form") == "draft" else rename
        answer = saves(experiment, typed, user=acting_user(request))
        if answer.experiment is not None:
            messages.success(request, shown(answer.said))
            return _to("change" if saves is edit else "edit", object_id)
        experiment = self._experiment(request, object_id)
        if saves is edit:
            return self._form(request, typed, answer, experiment=experiment)
        return self._started(request, experiment, typed, answer)

    def command(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Start, pause, resume, complete, enrol, or begin the next phase; the end is asked for twice."""
        self.allow(request)
        user, experiment = acting_user(request), self._experiment(request, object_id)
        name = request.POST.get("command", "")
        if name == "phase":
            return self._next_phase(request, experiment)
        if name == Command.COMPLETE and request.POST.get("sure") != "yes":
            return self._ask_again(request, experiment)
        try:
            tell(request, lambda: command(request.POST.dict(), key=experiment.key, user=user))
        except Refused as refused:
            if refused.is_stale:
                self._say_who_was_faster(request, object_id)
        return _to("edit" if request.POST.get("back") == "edit" else "change", object_id)

    def preview(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What the start would do."""
        return self._rendered(request, preview_page, object_id)

    def results(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What came of it."""
        return self._rendered(request, results_page, object_id)

    def results_as_csv(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The results of every look so far, a row a metric, treatment and look."""
        return results_csv(self, request, object_id)

    def results_as_json(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The results, as the API gives them."""
        return results_json(self, request, object_id)

    def _rendered(self, request: HttpRequest, page: Callable[..., HttpResponse], object_id: UUID) -> HttpResponse:
        self.allow(request)
        response = page(self, request, object_id)
        if isinstance(response, TemplateResponse) and not response.is_rendered:
            with unit_of_work(acting_user(request), read_only=True):
                response.render()
        return response

    def _next_phase(self, request: HttpRequest, experiment: Experiment) -> HttpResponse:
        typed = Typed(dict(request.POST.lists()))
        answer = next_phase(experiment, typed, user=acting_user(request))
        if answer.experiment is not None:
            messages.success(request, shown(answer.said))
            return _to("edit", experiment.pk)
        return self._started(request, self._experiment(request, experiment.pk), typed, answer)

    def _ask_again(self, request: HttpRequest, experiment: Experiment) -> HttpResponse:
        """Say what the end means, with the numbers, before it is done."""
        user, posted = acting_user(request), request.POST
        if not posted.get("reason", "").strip():
            messages.error(request, shown("Not done: say why it ends."))
            return _to("edit" if posted.get("back") == "edit" else "change", experiment.pk)
        assigned = assigned_counts(user).get(experiment.pk, Assigned())
        given = {"experiment": experiment, "assigned": assigned, "reason": posted["reason"]}
        given |= {"expected": posted.get("expected", ""), "back": posted.get("back", "")}
        with unit_of_work(user, read_only=True):
            return self.page(request, "experiments/complete.html", experiment.name, **given).render()

    def _say_who_was_faster(self, request: HttpRequest, object_id: UUID) -> None:
        with unit_of_work(acting_user(request), read_only=True):
            experiment = Experiment.objects.get(pk=object_id)
            conflict = conflict_of(experiment, expected_of(request.POST.dict()))
        if conflict:
            faster = gettext("Not done: {conflict}. Nothing was changed by you; look again, then decide.")
            messages.error(request, faster.format(conflict=said(str(conflict))))

    def _form(self, request: HttpRequest, typed: Typed, answer: Answer, **more: Any) -> HttpResponse:
        experiment = more.get("experiment")
        with unit_of_work(acting_user(request), read_only=True):
            given = {"form": form_of(typed, answer.errors), "errors": answer.errors, "answer": answer, **more}
            given["is_late"] = experiment is not None and experiment.status not in EDITABLE
            given["acts"] = acts_of(experiment) if experiment and not given["is_late"] else ()
            given["others"] = [(name, one) for name, one in READY.items() if experiment is None]
            title = experiment.name if experiment else shown("New experiment")
            return self.page(request, "experiments/form.html", title, **given).render()

    def _started(
        self, request: HttpRequest, experiment: Experiment, typed: Typed | None = None, answer: Answer | None = None
    ) -> HttpResponse:
        """What is frozen, what may still be changed, and what was typed where that was refused."""
        user, answer = acting_user(request), answer or Answer()
        assigned = assigned_counts(user).get(experiment.pk, Assigned())
        with unit_of_work(user, read_only=True):
            given = started(experiment, typed, answer)
            given |= {"experiment": experiment, "answer": answer, "errors": answer.errors, "assigned": assigned}
            given |= {"frozen": frozen_of(experiment), "phases": list(experiment.phases.order_by("-number"))}
            given["acts"] = acts_of(experiment, is_enrolled=assigned != Assigned())
            given["is_over"] = experiment.status == State.COMPLETE
            given["pill"] = pill_of(experiment, database_now())
            given["control"] = experiment.protocol.get("control")
            given["ended_by"] = title_of(experiment.ended_by)
            return self.page(request, "experiments/started.html", experiment.name, **given).render()

    def _experiment(self, request: HttpRequest, object_id: UUID) -> Experiment:
        with unit_of_work(acting_user(request), read_only=True):
            found = Experiment.objects.filter(pk=object_id).first()
        if found is None:
            raise NotVisible("There is no such experiment.")
        return found


def _to(page: str, object_id: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse(f"admin:experiments_experiment_{page}", args=[object_id]))
