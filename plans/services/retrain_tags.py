"""Training the model of comments' tags again: the seed set, and what coaches corrected where athletes agreed to that.

Three steps, none of which holds a transaction while the model is fitted: the corrections are read as a service, since
who may train is not who may read what people wrote; the model is made and compared; it is stored. No text is stored,
logged or returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.consents import agreed_then_and_now
from accounts.models import Purpose
from accounts.scope import require
from common.context import register_service, unit_of_work
from common.errors import WrongState
from common.keys import ERASED, key_ring
from modeling.models import TagModelRecord
from modeling.services.tag_models import TrainedTags, stop_tag_model, store_tag_model
from modeling.taggers import seed_version
from modeling.tagging.evaluation import compared, evaluation, judged_by_folds, judged_seed
from modeling.tagging.features import LONGEST
from modeling.tagging.fitting import fit, is_available
from modeling.tagging.model import document_of, sha256_of
from modeling.tagging.seed import Example, seed, seed_sha256
from plans.models import PlanComment
from plans.policies import Actor
from plans.tags import corrections

TRAINER: Final = register_service("tag-trainer")
WEIGHT: Final = 3.0
"""What a correction counts: a person looked at it, and it is in the words that are used here."""
NOT_INSTALLED: Final = "scikit-learn is not installed (the extra [ml]); comments are not tagged."


@dataclass(frozen=True)
class Retrained:
    """What came of training: the model, and what became of it (`stored`, `in_use`)."""

    trained: TrainedTags
    finding: str
    stored: bool
    in_use: bool


def retrain_tags(*, acting_user: Actor, dry_run: bool = False) -> Retrained:
    """Train on the seed set and the corrections that may be used, and take the model into use unless it is worse.

    A worse one is stored and not used. If the one in use learnt from a correction that may not be used any more, it is
    used no longer in either case, and the seed set's serves.

    Raises:
        NotPermitted: the role does not train.
        WrongState: scikit-learn is not installed.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, "tags:train")
        in_use = TagModelRecord.objects.filter(in_use=True).first()
    if not is_available():
        raise WrongState(NOT_INSTALLED)
    examples, learnt_from = _allowed_corrections()
    trained, finding = _trained(examples, learnt_from, in_use)
    if dry_run:
        return Retrained(trained, finding, stored=False, in_use=False)
    row = store_tag_model(trained=trained, acting_user=acting_user)
    if in_use is not None and not row.in_use and set(in_use.learnt_from) - set(learnt_from):
        gone = "It learnt from a correction that may not be used any more."
        stop_tag_model(why=gone, acting_user=acting_user)
        finding = f"{finding}. The model in use is used no longer: {gone[0].lower()}{gone[1:]}"
    return Retrained(trained, finding, stored=True, in_use=row.in_use)


def retrain_tags_where_due(*, acting_user: Actor) -> Retrained | None:
    """Train where the model in use learnt from other corrections than those that may be used now; else return None.

    For every night: corrections that came since are learnt, those that were withdrawn are forgotten. What was tried
    with the same corrections and refused is not tried again.

    Raises:
        NotPermitted: the role does not train.
    """
    with unit_of_work(acting_user, read_only=True):
        require(acting_user, "tags:train")
        rows = list(TagModelRecord.objects.values_list("learnt_from", "in_use", "metrics__accepted"))
    allowed = set(_allowed_corrections()[1])
    used = next((set(learnt) for learnt, in_use, _ in rows if in_use), set())
    refused = any(set(learnt) == allowed and not accepted for learnt, _, accepted in rows)
    if not is_available() or used == allowed or (refused and used <= allowed):
        return None
    return retrain_tags(acting_user=acting_user)


def _allowed_corrections() -> tuple[list[Example], list[str]]:
    """Return corrections of consenting athletes as examples, and the ids of their sets, oldest first."""
    with unit_of_work(TRAINER, read_only=True):
        found = corrections()
        agreed = agreed_then_and_now(Purpose.TRAINING, {(one.athlete_id, one.given_at) for one in found})
        found = [one for one in found if (one.athlete_id, one.given_at) in agreed]
        comments = PlanComment.objects.in_bulk([one.comment_id for one in found])
        ring = key_ring({one.athlete_id for one in found})
        texts = [ring.read(one.athlete_id, comments[one.comment_id].message)[:LONGEST] for one in found]
    examples = [
        Example(text, one.tags, f"of {one.athlete_id}", WEIGHT)
        for one, text in zip(found, texts, strict=True)
        if text != ERASED
    ]
    return examples, [str(one.set_id) for one, text in zip(found, texts, strict=True) if text != ERASED]


def _trained(
    examples: Sequence[Example], learnt_from: list[str], in_use: TagModelRecord | None
) -> tuple[TrainedTags, str]:
    """Return the model of seed set and corrections, judged on the seed set's held-out groups."""
    shipped = seed()
    judged = judged_by_folds(shipped, also=examples) if examples else judged_seed()
    comparison = compared(shipped, [one.tags for one in judged], _said_by(in_use))
    document = document_of(fit([*shipped, *examples]), seed_sha256=seed_sha256(), corrections=len(examples))
    sha256 = sha256_of(document)
    measured = evaluation(shipped, judged)
    metrics: dict[str, Any] = {
        "mean_f1": measured["model"]["mean"]["f1"],
        "difference": comparison.difference,
        "low": comparison.low,
        "accepted": comparison.accepted,
        "seed_sha256": seed_sha256(),
        "said": [list(one.tags) for one in judged],
        **measured,
    }
    version = f"trained-{sha256[:12]}" if examples else seed_version()
    return TrainedTags(version, document, sha256, learnt_from, metrics), comparison.sentence()


def _said_by(in_use: TagModelRecord | None) -> list[tuple[str, ...]]:
    """Return what the model in use said of the seed set's held-out groups; it is kept, since its texts may be gone.

    The seed set's own model speaks where none is stored, or where the seed set has changed since.
    """
    if in_use is not None and in_use.metrics.get("seed_sha256") == seed_sha256():
        return [tuple(tags) for tags in in_use.metrics["said"]]
    return [one.tags for one in judged_seed()]
