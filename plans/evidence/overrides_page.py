"""Overrides for data scientists: clusters, what was proposed by itself, heuristics; and one cluster with examples."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.models import User
from accounts.requests import acting_user
from common.admin import may
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.operator_pages import Refused, tell
from common.translating.showing import shown
from modeling.models import HeuristicRow, OverridePattern
from modeling.policies import MANAGE
from modeling.services.heuristics import create_heuristic, step_heuristic
from modeling.training.clusters import Cluster
from modeling.training.examples import examples
from modeling.training.patterns import Pattern
from plans.document.patch import REASONS
from plans.evidence.asking import MOST, SORTS, SPANS, Asked, asked_of, cluster_named, found_of, masks_of, narrowed
from plans.evidence.reading import NoStore, connection, reading
from plans.evidence.words import WIDTH, pattern_text, row_of, widest_of
from plans.heuristics import document_of, name_of, sentence
from plans.services.override_patterns import adopt_pattern, dismiss_pattern, pattern_of
from plans.services.try_heuristic import try_heuristic
from telemetry.dashboards.reach import reach_of

RECENT: Final = 50


def overrides_page(request: HttpRequest) -> HttpResponse:
    """Clusters of overrides, proposals and heuristics."""
    user = _allowed(request)
    asked = asked_of(request.GET.dict())
    with unit_of_work(user, read_only=True):
        found: dict[str, Any] = {
            "proposals": [_proposal(row) for row in OverridePattern.objects.order_by("status", "-id")[:RECENT]],
            "heuristics": list(HeuristicRow.objects.order_by("name")[:RECENT]),
            "asked": asked,
        }
        found["waiting"] = sum(one["row"].status == "proposed" for one in found["proposals"])
        try:
            found |= _clusters(asked, reach_of(user).least)
        except NoStore as nothing:
            found["nothing"] = nothing
        return _render(request, "plans/overrides.html", "Overrides", found)


def cluster_page(request: HttpRequest) -> HttpResponse:
    """One cluster: what it rests on, examples, and what can be made of it."""
    user = _allowed(request)
    asked, key = asked_of(request.GET.dict()), request.GET.get("key", "")
    with unit_of_work(user, read_only=True):
        cluster = _cluster(asked, key, reach_of(user).least)
        of = narrowed(reading().of, asked)
        with connection() as opened:
            shown = examples(opened, of, masks_of(of, cluster)[1])
        pattern = _pattern(cluster)
        document = document_of(pattern, _evidence(cluster))
        found = {
            "row": row_of(cluster, widest_of([cluster])),
            "cluster": cluster,
            "examples": [{"one": one, "reason": REASONS.get(one.reason, one.reason)} for one in shown],
            "sentence": sentence(pattern, _evidence(cluster)),
            "document": document,
            "name": name_of(pattern),
            "back": asked.address(),
            "asked": asked,
            "width": WIDTH,
            "is_synthetic": of.is_synthetic,
        }
        return _render(request, "plans/override_cluster.html", "Override cluster", found)


def do(request: HttpRequest) -> HttpResponse:
    """Make a heuristic or an experiment of a cluster, decide about a proposal, activate or retire a heuristic."""
    user = _allowed(request)
    with suppress(Refused):
        tell(request, lambda: _done(request.POST.dict(), user))
    back = reverse("overrides") + asked_of(request.POST.dict()).address()
    return HttpResponseRedirect(back)


def _done(form: Mapping[str, str], user: User) -> str:
    command, reason = form.get("command", ""), form.get("reason", "")
    match command:
        case "heuristic" | "experiment":
            return _made(form, user, with_experiment=command == "experiment")
        case "adopt":
            heuristic, experiment = adopt_pattern(key=form.get("key", ""), reason=reason, acting_user=user)
            return (
                f"Adopted: heuristic {heuristic.name} and the draft experiment {experiment.key}. Look, then start it."
            )
        case "dismiss":
            dismiss_pattern(key=form.get("key", ""), reason=reason, acting_user=user)
            return "Dismissed: it does not come back."
        case "activate" | "retire":
            row = step_heuristic(name=form.get("name", ""), command=command, reason=reason, acting_user=user)
            return f"{row.name} is {row.status}."
        case "try":
            experiment = try_heuristic(name=form.get("name", ""), reason=reason, acting_user=user)
            return f"Drafted: {experiment.key}. Look over its preview, then start it."
    raise InvalidInput("There is no such command.")


def _made(form: Mapping[str, str], user: User, *, with_experiment: bool) -> str:
    with unit_of_work(user, read_only=True):
        cluster = _cluster(asked_of(form), form.get("key", ""), reach_of(user).least)
    document = document_of(_pattern(cluster), _evidence(cluster), name=form.get("name", "").strip())
    if document is None:
        raise InvalidInput("Plans cannot make this change beforehand.")
    row = create_heuristic(document=document, reason=form.get("reason", ""), acting_user=user)
    if not with_experiment:
        return f"Written as a draft: {row.name}. Activate it to make it a feature of the next training."
    experiment = try_heuristic(name=row.name, reason=form.get("reason", ""), acting_user=user)
    return f"Drafted: heuristic {row.name} and experiment {experiment.key}. Look over its preview, then start it."


def _clusters(asked: Asked, least: int) -> dict[str, Any]:
    read = reading()
    shown, number, hidden = found_of(read.of, asked, least=least)
    widest = widest_of(shown)
    return {
        "rows": [row_of(one, widest) for one in shown],
        "number": number,
        "most": MOST,
        "hidden": hidden,
        "least": least,
        "width": WIDTH,
        "submissions": len(read.of.reviews.coach),
        "coaches": len(read.of.coaches),
        "is_synthetic": read.of.is_synthetic,
        "sorts": [(label, asked.address(sort=name), asked.one("sort") == name) for name, label in SORTS.items()],
        "spans": [(label, asked.address(weeks=name), asked.one("weeks") == name) for name, label in SPANS.items()],
    }


def _cluster(asked: Asked, key: str, least: int) -> Cluster:
    """Return a cluster; raises NotVisible where there is none, it is hidden, or nothing was exported."""
    try:
        found = cluster_named(reading().of, asked, key, least=least)
    except NoStore as nothing:
        raise NotVisible(nothing.title) from nothing
    if found is None:
        raise NotVisible("There is no such cluster, or too few athletes are in it.")
    return found


def _pattern(cluster: Cluster) -> Pattern:
    return Pattern(cluster.change, cluster.kind, cluster.field, cluster.value)


def _evidence(cluster: Cluster) -> dict[str, Any]:
    """Return what a heuristic's words need of a cluster."""
    return {
        "cases": cluster.overridden,
        "coaches": cluster.coaches,
        "athletes": cluster.athletes,
        "factor": cluster.factor,
        "to_kind": cluster.band.removeprefix("for ") if cluster.change == "swapped" else None,
        "shift": {"later": 1, "earlier": -1}.get(cluster.band) if cluster.change == "moved" else None,
    }


def _proposal(row: OverridePattern) -> dict[str, Any]:
    pattern = pattern_of(row)
    return {
        "row": row,
        "sentence": sentence(pattern, row.evidence_json),
        "evidence": pattern_text(pattern, row.evidence_json),
        "e": f"10^{row.log_e / 2.302585:.1f}",
        "can_adopt": document_of(pattern, row.evidence_json) is not None,
    }


def _allowed(request: HttpRequest) -> User:
    if not may(request.user, MANAGE):
        raise PermissionDenied
    return acting_user(request)


def _render(request: HttpRequest, template: str, title: str, found: Mapping[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": shown(title), "is_fullwidth": "1"}
    return TemplateResponse(request, template, {**context, **found}).render()
