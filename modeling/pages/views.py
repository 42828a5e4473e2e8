"""Models in the admin: all versions and runs, one run with its gate and figures, promotion and rollback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.directory import user_names
from accounts.requests import acting_user
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.operator_pages import OperatorAdmin, Refused, own_transaction, tell
from common.translating.showing import shown
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus
from modeling.pages.rows import RUNS, VERSIONS, asked, figure_groups, moment, run_rows, version_rows
from modeling.policies import MANAGE
from modeling.services.versions import promote_version, roll_back_version
from modeling.versions import champion_name

COMMANDS = ("promote", "rollback")


@admin.register(AlgorithmVersion)
class AlgorithmVersionAdmin(OperatorAdmin):
    """The registry's pages."""

    view_verb = MANAGE

    def get_urls(self) -> list[Any]:
        return [
            self._path("", self.list_page, "changelist"),
            self._path("runs/<uuid:run_id>/", self.run_page, "run"),
            self._path("command/", require_POST(self.command), "command"),
        ]

    def _path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        """A promotion commits in a unit of work of its own, so that MLflow follows or nothing moves."""
        return path(route, self.admin_site.admin_view(own_transaction(view)), name=f"modeling_algorithmversion_{name}")

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """All versions, the champion first, and the newest runs."""
        self.allow(request)
        with unit_of_work(acting_user(request), read_only=True):
            champion = champion_name()
            given = {"versions": version_rows(), "runs": run_rows(), "champion": champion}
            given["is_shipped"] = champion == SHIPPED
            return self.page(request, "modeling/models.html", "Models", **given).render()

    def run_page(self, request: HttpRequest, run_id: UUID) -> HttpResponse:
        """One run: what went in, how it was judged, and what may be done with what came out."""
        self.allow(request)
        with unit_of_work(acting_user(request), read_only=True):
            run = TrainingRun.objects.filter(pk=run_id).first()
            if run is None:
                raise NotVisible("There is no such run.")
            version = AlgorithmVersion.objects.select_related("parent", "replaced").filter(run=run).first()
            given: dict[str, Any] = {"run": run, "version": version, "champion": champion_name()}
            given["pill"] = RUNS[RunStatus(run.status)]
            given["version_pill"] = VERSIONS[VersionStatus(version.status)] if version else None
            given["checks"] = run.gate_json.get("checks", [])
            given["figures"] = figure_groups(run.metrics_json)
            given["asked"] = asked(run, user_names([run.requested_by_id]))
            given |= {"as_of": moment(run.as_of), "begun": moment(run.created_at), "ended": moment(run.finished_at)}
            given["can_promote"] = version is not None and version.status == VersionStatus.CANDIDATE
            given["is_champion"] = version is not None and version.status == VersionStatus.CHAMPION
            given["back_to"] = version.replaced.name if version and version.replaced else f"{SHIPPED} (shipped)"
            title = version.name if version else f"Run of {moment(run.created_at)}"
            return self.page(request, "modeling/run.html", title, **given).render()

    def command(self, request: HttpRequest) -> HttpResponse:
        """Promote or roll back, asked twice."""
        self.allow(request)
        posted, user = request.POST, acting_user(request)
        name, command = posted.get("name", ""), posted.get("command", "")
        version = self._version(request, name)
        page = reverse("admin:modeling_algorithmversion_run", args=[version.run_id])
        given = {"reason": posted.get("reason", ""), "expected": posted.get("expected", "")}
        if command not in COMMANDS:
            messages.error(request, shown("Not done: there is no such command."))
        elif not given["reason"].strip():
            messages.error(request, shown("Not done: say why."))
        elif posted.get("sure") != "yes":
            skips = bool(posted.get("without_experiment"))
            return self._ask_again(request, version, {**given, "command": command, "without_experiment": skips})
        else:
            skips = posted.get("without_experiment") == "yes"
            try:
                tell(request, lambda: _do(command, name, without_experiment=skips, acting_user=user, **given))
            except Refused as refused:
                if refused.is_stale:
                    messages.error(request, shown("Not done: somebody was faster. Look again, then decide."))
        return HttpResponseRedirect(page)

    def _ask_again(self, request: HttpRequest, version: AlgorithmVersion, given: dict[str, Any]) -> HttpResponse:
        with unit_of_work(acting_user(request), read_only=True):
            is_promotion = given["command"] == "promote"
            back_to = version.replaced.name if version.replaced else f"{SHIPPED} (shipped)"
            after = version.name if is_promotion else back_to
            given |= {"version": version, "is_promotion": is_promotion, "after": after}
            return self.page(request, "modeling/sure.html", version.name, **given).render()

    def _version(self, request: HttpRequest, name: str) -> AlgorithmVersion:
        with unit_of_work(acting_user(request), read_only=True):
            found = AlgorithmVersion.objects.select_related("replaced").filter(name=name[:40]).first()
        if found is None:
            raise NotVisible("There is no such version.")
        return found


def _do(command: str, name: str, *, without_experiment: bool, **given: Any) -> str:
    """Do what a form asks for, and return what was done.

    Raises:
        InvalidInput: a rollback of what is not the champion.
        DomainError: as the service.
    """
    if command == "promote":
        moved = promote_version(name=name, without_experiment=without_experiment, **given)
    elif name != given["expected"]:
        raise InvalidInput(f"{name} is not the champion.")
    else:
        moved = roll_back_version(**given)
    return f"{moved.champion} plans from the next generation on, in place of {moved.before}."
