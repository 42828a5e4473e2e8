"""The model that says what comments are about: show it, measure it, train it again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from accounts.scope import require
from common.context import unit_of_work
from common.errors import WrongState
from common.management.base import PARTLY_FAILED, ActorMixin
from modeling.models import TagModelRecord
from modeling.taggers import tagger_in_use
from modeling.tagging.evaluation import evaluation, judged_seed, scores
from modeling.tagging.fitting import is_available, seed_model
from modeling.tagging.keywords import tags_by_words
from modeling.tagging.seed import held_out, seed, seed_reach
from modeling.tagging.tags import MODELLED, TAGS
from plans.services.retrain_tags import NOT_INSTALLED, retrain_tags


class Command(ActorMixin):
    """Train, show or evaluate."""

    help = "Tags of comments: train on the seed set and consented corrections, show the models, evaluate them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do."""
        super().add_arguments(parser)
        parser.add_argument("do", choices=["train", "show", "evaluate"])
        parser.add_argument("--dry-run", action="store_true", help="train: say what would come of it, store nothing")

    def run(self, **options: Any) -> int | None:
        """Do it."""
        if not is_available():
            raise WrongState(NOT_INSTALLED)
        match options["do"]:
            case "train":
                return self._train(**options)
            case "show":
                return self._show(**options)
        return self._evaluate()

    def _train(self, **options: Any) -> int | None:
        done = retrain_tags(acting_user=options["acting_user"], dry_run=options["dry_run"])
        found = {
            "version": done.trained.version,
            "sha256": done.trained.sha256,
            "corrections": len(done.trained.learnt_from),
            "mean_f1": done.trained.metrics["mean_f1"],
            "accepted": done.trained.accepted,
            "stored": done.stored,
            "in_use": done.in_use,
        }
        if self.as_json:
            self.emit({**found, "finding": done.finding, "evaluation": _measured(done.trained.metrics)})
        else:
            self.table([found])
            self.note(f"{done.finding}.")
        return None if done.trained.accepted else PARTLY_FAILED

    def _show(self, **options: Any) -> int | None:
        with unit_of_work(options["acting_user"], read_only=True):
            require(options["acting_user"], "tags:train")
            serving = tagger_in_use()
            rows = [
                {
                    "version": row.version,
                    "in_use": serving is not None and row.in_use and row.version == serving.version,
                    "trained": row.created_at.isoformat(timespec="minutes"),
                    "corrections": len(row.learnt_from),
                    "mean_f1": row.metrics["mean_f1"],
                    "accepted": row.metrics["accepted"],
                }
                for row in TagModelRecord.objects.all()
            ]
        version = serving.version if serving else ""
        if self.as_json:
            self.emit({"serving": version, "models": rows})
        else:
            self.stdout.write(f"In use: {version}")
            self.table(rows, title="Trained models") if rows else self.note("None was trained: the seed set's serves.")
        return None

    def _evaluate(self) -> int | None:
        measured = evaluation(seed(), judged_seed())
        fresh, reach, model = held_out(), seed_reach(), seed_model()
        said = [tuple(one.tag for one in model.tags_of(example.text, reach)) for example in fresh]
        of_fresh = {
            "model": scores(fresh, said),
            "words": scores(fresh, [tags_by_words(example.text) for example in fresh]),
        }
        if self.as_json:
            self.emit({"seed": measured, "held_out": {"examples": len(fresh), **of_fresh}})
            return None
        title = f"{measured['examples']} made-up comments in {measured['groups']} groups, each held out once"
        self.table(_rows(measured), title=title)
        self.table(_brier(measured["calibration"]), title="Brier score, and that of always saying the tag's share")
        self.table(measured["calibration"]["reliability"], title="Probabilities: what was said, and what was")
        self.table(_rows(of_fresh), title=f"{len(fresh)} further made-up comments that nothing was chosen with")
        return None


def _rows(measured: dict[str, Any]) -> list[dict[str, Any]]:
    ways = [way for way in ("model", "words", "most_frequent") if way in measured]
    return [
        {
            "tag": tag,
            **{f"F1 {way.replace('_', ' ')}": measured[way][tag]["f1"] for way in ways},
            "from": measured["model"][tag]["f1_low"],
            "to": measured["model"][tag]["f1_high"],
        }
        for tag in (*TAGS, "mean")
    ]


def _brier(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"tag": tag, "model": found["brier"][tag], "share": found["brier_of_share"][tag]} for tag in MODELLED]


def _measured(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: metrics[name] for name in ("examples", "groups", "model", "words", "most_frequent", "calibration")}
