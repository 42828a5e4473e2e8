"""Saving an experiment's form: one service call, and what to show where it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.models import User
from common.context import unit_of_work
from common.errors import InvalidInput, StaleVersion, WrongState
from experiments.models import Experiment
from experiments.pages.acting import Conflict, conflict_of, expected_of
from experiments.pages.form import LABELS, PLACES, Form, form_of, in_sentence
from experiments.pages.typed import Typed, differing, fields_of, phase_fields, typed_of
from experiments.services.running import begin_phase, create_experiment, edit_experiment

SAME: Final = "Nothing differs from what is saved."
STALE: Final = "Somebody changed this experiment since."


@dataclass(frozen=True, slots=True)
class Answer:
    """What saving came to: the experiment, or why not.

    conflict: who was faster, where somebody was; differs: the labels of what the form says otherwise than they saved.
    """

    experiment: Experiment | None = None
    said: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    refused: str = ""
    conflict: Conflict | None = None
    differs: tuple[str, ...] = ()

    @property
    def differing(self) -> str:
        """The same as a list in a sentence."""
        return ", ".join(map(in_sentence, self.differs))


def create(typed: Typed, *, user: User) -> Answer:
    """Write a new draft from the form."""
    key, fields, reason = typed.one("key"), fields_of(typed), typed.one("reason")
    return _saved(lambda: create_experiment(key=key, fields=fields, reason=reason, acting_user=user), "Saved.")


def edit(experiment: Experiment, typed: Typed, *, user: User) -> Answer:
    """Change what a draft's form says otherwise than the draft does."""
    before, after = fields_of(typed_of(experiment.key, vars(experiment))), fields_of(typed)
    changes = {name: after[name] for name in differing(before, after)}
    return _changed(edit_experiment, experiment, changes, typed, user)


def rename(experiment: Experiment, typed: Typed, *, user: User) -> Answer:
    """Change the name and the description of an experiment that was started."""
    after = {name: typed.one(name) for name in ("name", "description")}
    changes = {name: value for name, value in after.items() if value != getattr(experiment, name).strip()}
    return _changed(edit_experiment, experiment, changes, typed, user)


def next_phase(experiment: Experiment, typed: Typed, *, user: User) -> Answer:
    """Go on with other weights, another share or another end."""
    before, after = phase_fields(typed_of(experiment.key, vars(experiment))), phase_fields(typed)
    changes = {name: after[name] for name in differing(before, after)}
    said = "The next phase has begun: whoever comes now follows it, whoever has a variant keeps it."
    return _changed(begin_phase, experiment, changes, typed, user, said=said)


def _changed(
    service: Callable[..., Experiment],
    experiment: Experiment,
    changes: Mapping[str, Any],
    typed: Typed,
    user: User,
    *,
    said: str = "Saved.",
) -> Answer:
    """Call the service with the version that the form saw, which is asked first: a stale form always differs."""
    try:
        expected = expected_of({"expected": typed.one("expected")})
    except InvalidInput as error:
        return Answer(errors=error.errors, refused=error.detail)
    if not changes and expected == experiment.version:
        return Answer(experiment, SAME)
    given = {"key": experiment.key, "changes": changes, "reason": typed.one("reason")}
    answer = _saved(lambda: service(**given, expected=expected, acting_user=user), said)
    if answer.refused != STALE:
        return answer
    with unit_of_work(user, read_only=True):
        now = Experiment.objects.get(pk=experiment.pk)
        places = {PLACES[name] for name in changes if name != "protocol"}
        labels = [label for place, label in LABELS.items() if place in places]
        labels += ["Question and metrics"] if "protocol" in changes else []
        return Answer(refused=STALE, conflict=conflict_of(now, expected), differs=tuple(labels))


def _saved(act: Callable[[], Experiment], said: str) -> Answer:
    try:
        return Answer(act(), said)
    except InvalidInput as error:
        return Answer(errors=error.errors or [{"pointer": "", "detail": error.detail}], refused=error.detail)
    except StaleVersion:
        return Answer(refused=STALE)
    except WrongState as error:
        return Answer(refused=error.detail)


def started(experiment: Experiment, typed: Typed | None, answer: Answer) -> dict[str, Any]:
    """Return both forms of an experiment that was started; the one that was refused as it was typed."""
    saved = typed_of(experiment.key, vars(experiment))
    is_phase = typed is not None and typed.one("command") == "phase"
    shown: Form = form_of(_over(saved, typed), answer.errors) if is_phase and typed else form_of(saved)
    named: Form = form_of(_over(saved, typed), answer.errors) if typed and not is_phase else form_of(saved)
    return {"phase": shown, "named": named, "is_phase": is_phase}


def _over(saved: Typed, typed: Typed) -> Typed:
    return Typed({**saved.values, **typed.values})
