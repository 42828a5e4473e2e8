"""An experiment's results: the page, and the same as files. Told from stored looks alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from accounts.requests import acting_user
from common.canonical import canonical_json
from common.database_time import database_now
from common.errors import DomainError, InvalidInput, NotPermitted, NotVisible
from common.operator_pages import OperatorAdmin
from common.problem import CONTENT_TYPE
from common.translating.showing import said, shown
from experiments.errors import NoLook
from experiments.lifecycle import Command, State, possible
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.pages.results_words import (
    HEADLINE_TONES,
    facts_row,
    funnel_rows,
    row_groups,
    slice_groups,
    strata_table,
)
from experiments.pages.words import STATES
from experiments.report import Report, csv_of, words
from experiments.report.drawing import area, evidence
from experiments.report.headline import sentences
from experiments.selectors import Results, moment_of, results_of

MOST_LOOKS: Final = 60
"""How many of the newest looks the page links; the address reaches all of them."""

STALE: Final = timedelta(hours=26)
"""A day's look is due an hour after midnight at the latest."""


def results_page(admin: OperatorAdmin, request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Show results as of the newest look, or of the one that `?as_of=` names; `?treatment=` chooses among several."""
    admin.allow(request)
    experiment = _experiment(object_id)
    title = gettext("Results of {name}").format(name=experiment.name or experiment.key)
    try:
        as_of = moment_of(request.GET.get("as_of", ""))
    except InvalidInput as error:
        messages.error(request, gettext("As of: {detail}. This is the newest look.").format(detail=said(error.detail)))
        as_of = None
    try:
        found = results_of(key=experiment.key, as_of=as_of, acting_user=acting_user(request))
    except NoLook as error:
        context = {"empty": error.detail, "is_before": as_of is not None and experiment.looks.exists()}
        context["due"] = experiment.start_at
    else:
        context = _context(found, request.GET.get("treatment", ""))
    return admin.page(request, "experiments/results.html", title, **_shared(experiment), **context)


def results_csv(admin: OperatorAdmin, request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Return every look up to one as CSV; a problem (409) while the sample ratio alarms."""
    return _file(admin, request, object_id, "csv", lambda found: csv_of(found.rows()))


def results_json(admin: OperatorAdmin, request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Return a look's results as the API tells them; a problem (409) while the sample ratio alarms."""
    return _file(admin, request, object_id, "json", lambda found: json.dumps(found.document(), ensure_ascii=False))


TYPES: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def _file(
    admin: OperatorAdmin, request: HttpRequest, object_id: UUID, kind: str, write: Callable[[Results], str]
) -> HttpResponse:
    admin.allow(request)
    experiment = _experiment(object_id)
    try:
        as_of = moment_of(request.GET.get("as_of", ""))
        found = results_of(key=experiment.key, as_of=as_of, acting_user=acting_user(request))
        content = write(found)
    except (NotVisible, NotPermitted):
        raise
    except DomainError as error:
        problem = json.dumps(error.as_problem(instance=request.path))
        return HttpResponse(problem, status=error.status, content_type=CONTENT_TYPE)
    name = f"{experiment.key}-{found.report.as_of:%Y%m%d}-results.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "ETag": found.etag}
    return HttpResponse(content, content_type=TYPES[kind], headers={**headers, "Cache-Control": "private, no-cache"})


def _experiment(object_id: UUID) -> Experiment:
    found = Experiment.objects.filter(pk=object_id).first()
    if found is None:
        raise NotVisible("There is no such experiment.")
    return found


def _shared(experiment: Experiment) -> dict[str, Any]:
    """Return what every state of the page shows: the bar and its actions."""
    state = State(experiment.status)
    can = possible(state)
    return {
        "experiment": experiment,
        "state": STATES[state],
        "ended_by": METRICS.get(experiment.ended_by).title if experiment.ended_by in set(METRICS) else "",
        "is_draft": state is State.DRAFT,
        "can_pause": Command.PAUSE in can,
        "can_resume": Command.RESUME in can,
        "can_complete": Command.COMPLETE in can,
        "protocol_json": json.dumps(json.loads(canonical_json(experiment.protocol)), indent=2, ensure_ascii=False),
    }


def _context(found: Results, chosen: str) -> dict[str, Any]:
    told = found.report
    now = database_now()
    is_stale = found.is_newest and told.next_look is not None and now - told.as_of > STALE
    context: dict[str, Any] = {
        "report": told,
        "facts": facts_row(told, is_stale=is_stale, is_newest=found.is_newest),
        "headline": told.headline,
        "tone": HEADLINE_TONES[told.headline.outcome],
        "funnel": funnel_rows(told),
        "excluded": _excluded(told),
        "immature": _immature(found),
        "history": [
            {"number": one.number, "at": words.moment(one.as_of), "as_of": one.as_of.isoformat()}
            for one in reversed(found.history[-MOST_LOOKS:])
        ],
        "is_newest": found.is_newest,
        "as_of": "" if found.is_newest else told.as_of.isoformat(),
        "as_of_text": words.moment(told.as_of),
        "alarmed_later": found.alarmed_later,
        "look_sha256": found.sha256,
        "alpha": f"{told.alpha:g}",
        "confidence": f"{100 * (1 - told.alpha):g} %",
    }
    return context | (_hidden(told) if told.hidden else _shown(found, chosen))


def _excluded(told: Report) -> str:
    parts = [f"{count} {shown(reason.replace('_', ' '))}" for reason, count in told.funnel.excluded.items()]
    return ", ".join(parts) or "nobody"


def _immature(found: Results) -> str:
    titles = {name: one.title for name, one in found.facts.metrics.items()}
    counts = found.report.funnel.immature
    return ", ".join(f"{shown(titles[name])} {count}" for name, count in counts.items() if count) or "nobody"


def _hidden(told: Report) -> dict[str, Any]:
    """Return where the imbalance comes from; nothing that compares the arms is in the report."""
    return {
        "slices": slice_groups(told),
        "evidence": evidence(told.balance),
        "pooled": [
            {"title": one.metric.title, "describes": one.metric.describes, "n": f"{one.n:,}"}
            | {"value": words.value(one.metric.unit, one.value)}
            for one in told.pooled
        ],
        "alarmed": words.moment(told.balance.alarmed),
    }


def _shown(found: Results, chosen: str) -> dict[str, Any]:
    told, facts = found.report, found.facts
    one = next((each for each in told.treatments if each.name == chosen), told.treatments[0])
    several = len(told.treatments) > 1
    return {
        "treatment": one,
        "treatments": [each.name for each in told.treatments] if several else [],
        "said": sentences(facts, told.phase, one) if several else None,
        "said_tone": HEADLINE_TONES[sentences(facts, told.phase, one).outcome],
        "groups": row_groups(told, one, facts.protocol.target),
        "area": area(one.primary, one.course, facts.start_at, facts.end_at, facts.protocol.target),
        "strata": strata_table(told, one.name),
    }
