"""Storing trained tag models, and choosing which one is in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.scope import require
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.errors import InvalidInput
from modeling.models import TagModelRecord
from modeling.policies import Actor
from modeling.tagging.model import DamagedModel, model_from


@dataclass(frozen=True)
class TrainedTags:
    """A model that was trained: its document with its hash, what it learnt from, and how it was judged.

    `metrics` has `mean_f1`, and `difference`, `low` and `accepted` of the comparison with the model in use.
    """

    version: str
    document: dict[str, Any]
    sha256: str
    learnt_from: Sequence[str]
    metrics: dict[str, Any]

    @property
    def accepted(self) -> bool:
        return bool(self.metrics["accepted"])


def store_tag_model(*, trained: TrainedTags, acting_user: Actor) -> TagModelRecord:
    """Store a trained model; in use from now on if it was accepted. The same model again is the row that is there.

    Raises:
        NotPermitted: the role does not train.
        InvalidInput: the document is not what its hash says.
    """
    try:
        model_from(trained.document, trained.sha256)
    except DamagedModel as error:
        raise InvalidInput(str(error), pointer="/document") from error
    with unit_of_work(acting_user):
        require(acting_user, "tags:train")
        list(TagModelRecord.objects.select_for_update().filter(in_use=True))
        row, is_new = TagModelRecord.objects.get_or_create(
            version=trained.version,
            defaults={
                "document": trained.document,
                "sha256": trained.sha256,
                "metrics": trained.metrics,
                "learnt_from": list(trained.learnt_from),
                "trained_by_id": actor_id(acting_user),
            },
        )
        if trained.accepted and not row.in_use:
            TagModelRecord.objects.filter(in_use=True).update(in_use=False)
            row.in_use = True
            row.save(update_fields=["in_use"])
        elif not is_new:
            return row
        told = {name: trained.metrics[name] for name in ("mean_f1", "difference", "low", "accepted")}
        metadata = {"version": row.version, "sha256": row.sha256, "corrections": len(trained.learnt_from), **told}
        record("tags.train", target_id=row.pk, metadata=metadata)
        return row


def stop_tag_model(*, why: str, acting_user: Actor) -> bool:
    """Take the stored model out of use, so that the seed set's serves; return whether there was one.

    Raises:
        NotPermitted: the role does not train.
    """
    with unit_of_work(acting_user):
        require(acting_user, "tags:train")
        row = TagModelRecord.objects.select_for_update().filter(in_use=True).first()
        if row is None:
            return False
        row.in_use = False
        row.save(update_fields=["in_use"])
        record("tags.stop", target_id=row.pk, metadata={"version": row.version, "why": why})
        return True
