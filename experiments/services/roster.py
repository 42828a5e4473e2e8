"""A closed roster: everybody who is there and has agreed at the start is ranked at once, nobody joins later."""

from __future__ import annotations

from accounts.models import Athlete, Consent
from accounts.scope import require
from common.context import register_service, unit_of_work
from common.errors import NotVisible, WrongState
from experiments.assignment import Subject, assign_roster
from experiments.documents import current_of
from experiments.lifecycle import State
from experiments.models import Experiment, ExperimentAssignment
from experiments.policies import MANAGE, Actor
from experiments.services.assign import TO_EXPERIMENTS, own_attributes, store

ENROLMENT = register_service("experiment-enrolment")


def enrol_roster(*, key: str, acting_user: Actor) -> int:
    """Assign the roster of an experiment that has just begun, as a service: who starts it need not see athletes.

    The start does it; where that was refused, it is done again once the cause is mended.

    Returns:
        how many have a variant or are held out; 0 of an open roster, and of one that was enrolled before.

    Raises:
        NotPermitted, NotVisible: not the role's; there is no such experiment.
        WrongState: it does not run.
        InvalidInput: somebody lacks an attribute that the strata need; nobody was enrolled.
    """
    require(acting_user, MANAGE)
    with unit_of_work(ENROLMENT):
        experiment = Experiment.objects.select_for_update(no_key=True).filter(key=key).first()
        if experiment is None:
            raise NotVisible(f"There is no experiment {key}.")
        current = current_of(experiment)
        phase, configuration = current.phase, current.configuration
        if phase is None or experiment.status != State.RUNNING:
            raise WrongState(f"An experiment that is {experiment.status} enrols nobody.")
        if not configuration.closed or ExperimentAssignment.objects.filter(phase=phase).exists():
            return 0
        agreed = set(Consent.objects.filter(**TO_EXPERIMENTS).values_list("athlete_id", flat=True))
        known = ExperimentAssignment.objects.filter(experiment=experiment).values("subject")
        athletes = {str(one.pk): one for one in Athlete.objects.filter(pk__in=agreed).exclude(pk__in=known)}
        subjects = {one: Subject(one, own_attributes(athlete)) for one, athlete in athletes.items()}
        answers = assign_roster(configuration, subjects.values(), at=current.at, consented=subjects)
        taken = [(one, answer) for one, answer in sorted(answers.items()) if answer.variant or answer.is_holdout]
        for one, answer in taken:
            store(current, athletes[one], subjects[one], answer)
        return len(taken)
