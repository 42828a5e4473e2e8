"""A published session as a file for a watch or a trainer."""

from __future__ import annotations

from uuid import UUID

from django.db.models import F

from accounts.models import Athlete
from common.errors import InvalidInput, NotVisible
from modeling.thresholds import DatedThresholds
from plans.export.errors import NotExportable
from plans.export.fit import fit_of
from plans.export.zwo import zwo_of
from plans.models import Plan, PlanSession
from plans.policies import Actor, visible_plans
from plans.schedule import scheduled


def published_session(user: Actor, session_id: UUID) -> PlanSession:
    """Fetch a session of the version that its athlete trains by.

    Raises:
        NotVisible: there is none that the user may see.
    """
    rows = PlanSession.objects.filter(version__plan__in=Plan.objects.filter(visible_plans(user)), session_id=session_id)
    session = rows.filter(version__plan__active_version=F("version")).select_related("version__plan").first()
    if session is None:
        raise NotVisible("There is no such session in a published plan, or you may not see it.")
    return session


def workout_file(*, session_id: UUID, kind: str, acting_user: Actor) -> bytes:
    """Return the session as `fit` or `zwo`.

    Raises:
        NotVisible: no such published session, or no such format.
        InvalidInput: the session has no steps, or its format needs a threshold that is not known.
    """
    session = published_session(acting_user, session_id)
    athlete = Athlete.objects.get(pk=session.athlete_id)
    known = DatedThresholds.of(athlete).on(athlete.sport, session.day)
    try:
        if kind == "fit":
            return fit_of(scheduled(session))
        if kind == "zwo":
            pace = known.threshold_pace_s_per_km
            return zwo_of(scheduled(session), ftp_w=known.ftp_w, threshold_pace_s_per_km=pace)
    except NotExportable as error:
        raise InvalidInput(str(error)) from error
    raise NotVisible("Workouts come as fit or zwo.")
