"""Does what is stored follow from its record? For auditors, years later."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from accounts.scope import require
from common.context import unit_of_work
from common.errors import NotVisible
from experiments.models import ExperimentAssignment
from experiments.policies import MANAGE, Actor
from experiments.replay import Replay, replay


def replay_assignment(*, assignment_id: UUID, acting_user: Actor) -> Replay:
    """Decide a stored assignment again from its record, and compare; its row's columns as well.

    Raises:
        NotPermitted, NotVisible: not the role's; there is none such in the user's scope.
        InvalidInput: the record is damaged.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, MANAGE)
        stored = ExperimentAssignment.objects.select_related("phase").filter(pk=assignment_id).first()
        if stored is None:
            raise NotVisible("There is no such assignment, or you may not see it.")
        return _replayed(stored)


def replay_experiment(*, key: str, acting_user: Actor) -> Iterator[tuple[UUID, Replay]]:
    """Do so for each of an experiment's assignments that the user may see, in the order in which they came."""
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, MANAGE)
        rows = ExperimentAssignment.objects.select_related("phase").filter(experiment__key=key).order_by("id")
        for stored in rows.iterator(chunk_size=500):
            yield stored.pk, _replayed(stored)


def _replayed(stored: ExperimentAssignment) -> Replay:
    answer = {
        **stored.record_json["answer"],
        "variant": stored.variant or None,
        "stratum": None if stored.is_holdout else stored.stratum,
        "number": stored.number,
        "version": stored.phase.version,
        "propensity": stored.propensity,
    }
    return replay({**stored.record_json, "configuration": stored.phase.document_json, "answer": answer})
