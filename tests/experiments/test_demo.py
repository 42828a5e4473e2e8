"""The demonstration's experiments: made up, said to be so, and judged as real ones are."""

from __future__ import annotations

import pytest

from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.demo import STORIES, make_experiment_demo
from experiments.documents import configuration_of, newest_phase, strata_of
from experiments.judging import split_of
from experiments.models import Experiment, ExperimentAssignment, ExperimentLook
from experiments.pages.listing import Assigned, assigned_counts
from experiments.services.looking import look_at_all, looks_of
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def test_one_goes_on_and_one_alarms_and_both_are_synthetic():
    make_experiment_demo(asked_by=make_user("data_scientist"))
    with unit_of_work(COMMAND_LINE, read_only=True):
        going, leaking = Experiment.objects.order_by("id")
        for experiment, alarms in ((going, False), (leaking, True)):
            strata = strata_of(configuration_of(newest_phase(experiment), experiment.status))
            assert split_of(looks_of(experiment), strata=strata).mismatch is alarms
            assert experiment.synthetic
        last = looks_of(going)[-1]
        assert abs(last.assigned["model"] - last.assigned["template"]) <= 12
        assert last.measured["adherence"].pairs["model"].clusters > 40
        assert not ExperimentAssignment.objects.exists()


def test_the_list_counts_whom_the_results_count():
    scientist = make_user("data_scientist")
    make_experiment_demo(asked_by=scientist)
    counts = assigned_counts(scientist)
    with unit_of_work(COMMAND_LINE, read_only=True):
        for experiment in Experiment.objects.all():
            last = looks_of(experiment)[-1]
            assert counts[experiment.pk] == Assigned(sum(last.assigned.values()), last.held_out)
            assert counts[experiment.pk].in_variants > 200


def test_made_again_it_changes_nothing_and_real_looks_leave_it_alone():
    scientist = make_user("data_scientist")
    make_experiment_demo(asked_by=scientist)
    with unit_of_work(COMMAND_LINE, read_only=True):
        before = ExperimentLook.objects.count()
    make_experiment_demo(asked_by=scientist)
    look_at_all()
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert (Experiment.objects.count(), ExperimentLook.objects.count()) == (len(STORIES), before)
