"""What the forms of the experiments' pages do: one service call each, and what may be done in which state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext

from accounts.directory import user_names
from accounts.models import User
from common.context import unit_of_work
from common.errors import DomainError, InvalidInput
from common.translating.showing import said, shown
from experiments.lifecycle import Command, State, possible
from experiments.models import Experiment
from experiments.pages.form import LABELS, PLACES, in_sentence
from experiments.pages.words import moment
from experiments.services.roster import enrol_roster
from experiments.services.running import step
from experiments.words import states

ENROL: Final = "enrol"


@dataclass(frozen=True, slots=True)
class Act:
    """A button with its form; `note` says in plain words what it means. Danger is asked twice."""

    command: str
    label: str
    icon: str
    done: str
    note: str
    is_danger: bool = False
    has_reason: bool = True


ACTS: Final = {
    Command.START: Act(
        "start",
        "Start",
        "play_arrow",
        "Start",
        "Freezes all of this as phase 1 and begins to assign. Afterwards weights, share and end change by a new phase "
        "alone, and the question not at all.",
    ),
    Command.PAUSE: Act(
        "pause", "Pause", "pause", "Pause", "Takes nobody new; whoever has a variant keeps it. Can be resumed."
    ),
    Command.RESUME: Act("resume", "Resume", "play_arrow", "Resume", "Takes people again, by the phase that is frozen."),
    Command.COMPLETE: Act(
        "complete",
        "Complete…",
        "stop",
        "Go on",
        "Ends it for everybody. You are asked once more before anything happens.",
        is_danger=True,
    ),
}
ENROLMENT: Final = Act(
    ENROL,
    "Enrol the roster",
    "group_add",
    "Enrol",
    "Ranks everybody who has agreed. The start did not: somebody lacked an attribute, or nobody had agreed yet.",
    has_reason=False,
)
DONE: Final = {
    Command.START: "Started: it assigns from now on.",
    Command.PAUSE: "Paused: nobody new is taken, whoever has a variant keeps it.",
    Command.RESUME: "Running again.",
    Command.COMPLETE: "Complete: nobody keeps a variant.",
}


def acts_of(experiment: Experiment, *, is_enrolled: bool = True) -> tuple[Act, ...]:
    """Return what may be done; `is_enrolled` is false of a closed roster that has nobody yet."""
    state = State(experiment.status)
    found = tuple(act for command, act in ACTS.items() if command in possible(state))
    enrols = state is State.RUNNING and experiment.roster == "closed" and not is_enrolled
    return (ENROLMENT, *found) if enrols else found


def command(form: Mapping[str, str], *, key: str, user: User) -> str:
    """Do what a form asks for, and return what was done.

    Raises:
        InvalidInput: an unknown command, or no version.
        DomainError: as the service.
    """
    name = form.get("command", "")
    if name == ENROL:
        return _enrolled(enrol_roster(key=key, acting_user=user))
    if name not in {one.value for one in Command}:
        raise InvalidInput("There is no such command.")
    expected = expected_of(form)
    try:
        step(key=key, command=Command(name), reason=form.get("reason", ""), expected=expected, acting_user=user)
    except DomainError as error:
        if name == Command.START and _began(key, expected, user):
            begun = gettext("Started, but nobody is enrolled yet: {detail} Mend that, then enrol the roster.")
            return begun.format(detail=said(error.detail))
        raise
    return DONE[Command(name)]


def _began(key: str, expected: int, user: User) -> bool:
    """Return whether the start itself was done, and what failed was the enrolment after it."""
    with unit_of_work(user, read_only=True):
        return Experiment.objects.filter(key=key, status=State.RUNNING, version=expected + 1).exists()


def _enrolled(number: int) -> str:
    return f"{number} enrolled." if number else "Nobody to enrol: nobody has agreed to experiments, or all are in."


def expected_of(form: Mapping[str, str]) -> int:
    """Return the version that a form saw.

    Raises:
        InvalidInput: it does not say.
    """
    text = form.get("expected", "")
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInput("The form does not say which version it saw.", pointer="/expected")
    return int(text)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody was faster: who, when, and what they changed."""

    who: str
    at: str
    what: str

    def __str__(self) -> str:
        return f"{self.who} was faster ({self.what}, {self.at} UTC)"


def conflict_of(experiment: Experiment, saw: int) -> Conflict | None:
    """Return who changed an experiment since a version; None where nobody did."""
    newest = experiment.history.order_by("-version").first()
    if newest is None or newest.version <= saw:
        return None
    before = experiment.history.filter(version=saw).first()
    who = user_names([newest.history_user_id]) if newest.history_user_id else {}
    names = _changed(before, newest) if before else ()
    what = ", ".join(names) or shown("changed it")
    return Conflict(who.get(newest.history_user_id, "Somebody"), moment(newest.history_date), what)


def _changed(before: Any, after: Any) -> tuple[str, ...]:
    """Return the labels of the columns that differ; the state as the word that it is now."""
    labels = {name: LABELS[place] for name, place in PLACES.items() if "/" not in name}
    labels["protocol"] = "Question and metrics"
    differ = [label for name, label in labels.items() if getattr(before, name, None) != getattr(after, name, None)]
    names = tuple(map(in_sentence, differ))
    return (
        (gettext("now {status}").format(status=states()[after.status]), *names)
        if before.status != after.status
        else names
    )
