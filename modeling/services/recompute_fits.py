"""A sample of the fits computed a second time, independently (H6, H7: "deviation in calculations").

Of each day's fits one in a hundred, at least one, chosen by a hash so that nobody can know beforehand which. A fit that
its recomputation contradicts is told to the team at once; the share of them is the metric `calculation_deviation`.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import date, timedelta
from itertools import groupby
from math import ceil
from typing import Final
from uuid import UUID

from audit.services import record
from common import clock
from common.alerts import Severity, raise_alert
from common.context import register_service, unit_of_work
from modeling.core.cache_key import MODEL_VERSION, cache_key
from modeling.core.recomputation import Deviation, deviations, recomputed
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, Fit, Recomputation, VersionStatus
from modeling.selectors import fit_inputs
from modeling.services.fit_athlete import priors_of
from modeling.versions import version_named
from telemetry.services import emit

logger = logging.getLogger("mesocycle.modeling")

CHECKER: Final = register_service("fit-recomputation")
SHARE: Final = 0.01
DAYS_BACK: Final = 7
"""Days on which nothing ran are made up for, so many at most."""
METHOD: Final = "posterior"
"""Least squares is there for comparison; nothing is planned by it."""


def recompute_due() -> dict[str, int]:
    """Recompute what was sampled of the days that are over and was not recomputed yet; return how many by outcome."""
    with unit_of_work(CHECKER, read_only=True):
        chosen = _sampled(clock.today())
    found = dict.fromkeys(Recomputation.values, 0)
    for fit_id in chosen:
        outcome = ""
        try:
            with unit_of_work(CHECKER):
                outcome = _recompute(fit_id)
        except Exception:  # the others are recomputed all the same, and this one is tried again tomorrow
            logger.exception("Fit %s could not be recomputed.", fit_id)
        if outcome:
            found[outcome] += 1
    return found


def sampled(fit_ids: list[UUID]) -> list[UUID]:
    """Return one in a hundred of a day's fits, rounded up, in the order of their hash."""
    ordered = sorted(fit_ids, key=lambda pk: hashlib.sha256(pk.bytes).digest())
    return ordered[: ceil(SHARE * len(ordered))]


def _sampled(today: date) -> list[UUID]:
    rows = Fit.objects.filter(method=METHOD, model_version=MODEL_VERSION)
    rows = rows.filter(created_at__date__gte=today - timedelta(days=DAYS_BACK), created_at__date__lt=today)
    told = rows.order_by("created_at").values_list("pk", "created_at", "recomputed_at")
    chosen: list[UUID] = []
    for _, day in groupby(told.iterator(), key=lambda row: row[1].date()):
        done = {pk: recomputed_at for pk, _, recomputed_at in day}
        chosen += [pk for pk in sampled(list(done)) if done[pk] is None]
    return chosen


def _recompute(fit_id: UUID) -> str:
    """Recompute one fit and write down what came of it; nothing for one that is gone or was done meanwhile."""
    fit = Fit.objects.select_for_update(of=("self",)).select_related("athlete").filter(pk=fit_id).first()
    if fit is None or fit.recomputed_at is not None:
        return ""
    found = _deviations(fit)
    worst = max(found, key=lambda one: one.share) if found else None
    fit.recomputed_at = clock.now()
    fit.deviation = worst.share if worst else None
    if worst is None:
        fit.recomputation = Recomputation.INPUTS_CHANGED
    else:
        wrong = any(one.contradicts for one in found)
        fit.recomputation = Recomputation.CONTRADICTS if wrong else Recomputation.AGREES
    fit.save(update_fields=["recomputed_at", "recomputation", "deviation"])
    said = {"outcome": fit.recomputation, "deviation": fit.deviation}
    record("model.recompute", target_id=fit.pk, subject_id=fit.athlete_id, metadata=said)
    told = {"athlete": fit.athlete_id, "fit_id": fit.pk, "model_version": fit.model_version} | said
    emit("model.recomputed", aggregate_id=fit.athlete_id, data=told)
    if worst and fit.recomputation == Recomputation.CONTRADICTS:
        _tell(fit, worst)
    return fit.recomputation


def _deviations(fit: Fit) -> tuple[Deviation, ...]:
    """Return the deviations; none where what the fit was made from is not there any more."""
    inputs = fit_inputs(fit.athlete, since=fit.window_from, until=fit.window_until)
    if inputs is None:
        return ()
    tried = AlgorithmVersion.objects.exclude(status=VersionStatus.CANDIDATE).values_list("name", flat=True)
    for name in [*tried, SHIPPED]:
        priors = priors_of(fit.athlete, version_named(name), on=fit.created_at.date())
        if cache_key(inputs.series, inputs.tests, method=METHOD, priors=priors) == fit.cache_key:
            return deviations(fit.report, recomputed(inputs.series, inputs.tests, priors))
    return ()


def _tell(fit: Fit, worst: Deviation) -> None:
    text = (
        f"Fit {fit.pk}: an independent recomputation gives {worst.name} {worst.recomputed:.4g} instead of "
        f"{worst.stated:.4g}, {100 * worst.share:.0f} % of its interval's width away."
    )
    logger.error(text)
    raise_alert("fit contradicted", severity=Severity.CRITICAL, text=text, dedupe_key=f"fit:{fit.pk}")
