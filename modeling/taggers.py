"""The model that says what comments are about: the stored one in use, or that of the seed set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from common.newest import Newest
from modeling.models import TagModelRecord
from modeling.tagging.fitting import is_available, seed_model
from modeling.tagging.model import DamagedModel, Tagged, TagModel, model_from
from modeling.tagging.seed import seed_reach, seed_sha256

logger = structlog.get_logger("mesocycle.tagging")


@dataclass(frozen=True)
class Tagger:
    """A model with the name under which its tags are stored."""

    version: str
    model: TagModel

    def tags_of(self, text: str) -> tuple[Tagged, ...]:
        """Return a text's tags, the likeliest first; never none."""
        return self.model.tags_of(text, seed_reach())


_loaded: Newest[str, TagModel] = Newest(2)
SEED: Final = "seed"


def seed_version() -> str:
    """Return the name of the model that is made from the seed set alone."""
    return f"{SEED}-{seed_sha256()[:12]}"


def tagger_in_use() -> Tagger | None:
    """Return the model to tag with, None where scikit-learn is not installed; one query.

    A stored model that is damaged, or of a release with other features, is told to the log and the seed set's serves.
    """
    if not is_available():
        return None
    row = TagModelRecord.objects.filter(in_use=True).first()
    if row is not None:
        try:
            return Tagger(row.version, _load(row))
        except DamagedModel as error:
            logger.error("stored tag model not usable, the seed model serves", version=row.version, why=str(error))
    return Tagger(seed_version(), seed_model())


def _load(row: TagModelRecord) -> TagModel:
    """Return a row's model, kept while its version and its hash stay; the document is checked when it is read."""
    key = f"{row.version} {row.sha256}"
    known = _loaded.get(key)
    if known is None:
        known = model_from(row.document, row.sha256)
        _loaded.put(key, known)
    return known
