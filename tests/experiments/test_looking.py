"""Looks: what was known then, kept for ever; guardrails that stop; ends; what arrives late is told apart."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.management.base import COMMAND_LINE
from experiments.analysis import Pair
from experiments.looks import read_look
from experiments.models import ExperimentLook
from experiments.services.looking import look_at_all, looks_of, midnight, take_look
from tests.experiments.looking import BEGIN, DAY, KEY, study_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def looks(study) -> list:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return looks_of(study.experiment)


def test_a_look_counts_who_saw_what_and_compares():
    with study_of() as study:
        study.join(24)
        for index, (athlete, variant) in enumerate(study.athletes):
            study.measure("score", athlete, index % 3 + (variant == "b"), at=BEGIN + timedelta(hours=1))
        with clock.frozen(BEGIN + DAY):
            row = take_look(key=KEY, acting_user=study.scientist)
        look = read_look(row.document_json)
        assert row.as_of == midnight(BEGIN + DAY)
        assert (look.members, look.coaches, look.late) == ({"a": 12, "b": 12}, 6, 0)
        assert [dict(one.counts) for one in look.arrivals] == [{"a": 12, "b": 12}]
        assert (look.assigned, look.exposed, look.held_out, look.excluded) == ({"a": 12, "b": 12},) * 2 + (0, {})
        pair = look.measured["score"].pairs["b"]
        assert isinstance(pair, Pair)
        assert pair.mean_treatment == pytest.approx(
            sum(i % 3 + 1 for i, (_, v) in enumerate(study.athletes) if v == "b") / 12
        )
        assert look.measured["score"].arms["b"].value == pytest.approx(pair.mean_treatment)
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert AuditEvent.objects.get(action="experiment.look").metadata_json["sha256"] == row.sha256


def test_what_was_told_does_not_change_and_late_facts_are_counted_apart():
    with study_of() as study:
        study.join(12)
        early, (late, _) = BEGIN + timedelta(hours=1), study.athletes[0]
        for athlete, variant in study.athletes[1:]:
            study.measure("score", athlete, 1.0 + (variant == "b") * 0.5 + len(study.facts["score"]) % 2, at=early)
        with clock.frozen(BEGIN + DAY):
            first = take_look(key=KEY, acting_user=study.scientist)
        study.measure("score", late, 9.0, at=early, known_at=BEGIN + 2 * DAY)
        with clock.frozen(BEGIN + 3 * DAY):
            study.agree(study.athletes[1][0], granted=False)
            with pytest.raises(WrongState, match="already"):
                take_look(key=KEY, as_of=first.as_of, acting_user=study.scientist)
            study.agree(study.athletes[2][0], granted=False)
        with clock.frozen(BEGIN + 4 * DAY):
            take_look(key=KEY, acting_user=study.scientist)
        one, two = looks(study)
        assert one.as_json() == first.document_json
        assert (one.late, two.late) == (0, 1)
        assert two.arrivals == ()
        assert sum(one.members.values()) == 12
        assert two.excluded == {"withdrawn": 2}
        assert (
            one.measured["score"].arms[study.athletes[0][1]].value
            != two.measured["score"].arms[study.athletes[0][1]].value
        )


def test_a_guardrail_stops_the_experiment_and_says_so():
    with study_of(guardrails=[{"metric": "harm", "margin": 0.2, "relative": False}]) as study:
        study.join(60)
        for index, (athlete, variant) in enumerate(study.athletes):
            study.measure("harm", athlete, 1 + 2.0 * (variant == "b") + index % 5 / 10, at=BEGIN + timedelta(hours=1))
        with clock.frozen(BEGIN + DAY):
            look_at_all()
        stopped = study.experiment
        assert (stopped.status, stopped.ended_by, stopped.ended_at) == ("complete", "harm", BEGIN + DAY)
        with unit_of_work(COMMAND_LINE, read_only=True):
            told = AuditEvent.objects.filter(action="experiment.step").latest("id")
        assert told.metadata_json["command"] == "complete"
        assert told.metadata_json["reason"]


def test_no_harm_goes_on_until_the_end_and_is_looked_at_a_week_longer():
    with study_of() as study:
        study.join(40)
        for index, (athlete, _) in enumerate(study.athletes):
            study.measure("harm", athlete, 1 + index % 5 / 10, at=BEGIN + timedelta(hours=1))
        for day in (1, 2, 2.5, 28, 29, 34, 36, 50):
            with clock.frozen(BEGIN + day * DAY):
                look_at_all()
                if day == 2:
                    assert study.experiment.status == "running"
        assert (study.experiment.status, study.experiment.ended_by) == ("complete", "")
        assert [one.as_of for one in looks(study)] == [midnight(BEGIN + day * DAY) for day in (1, 2, 28, 29, 34)]


def test_a_look_is_of_a_moment_that_has_been_since_the_start():
    with study_of() as study:
        with pytest.raises(WrongState, match="had not begun"):
            take_look(key=KEY, acting_user=study.scientist)
        with pytest.raises(InvalidInput):
            take_look(key=KEY, as_of=BEGIN + DAY, acting_user=study.scientist)
        with pytest.raises(NotPermitted):
            take_look(key=KEY, acting_user=make_user("coach"))
        look_at_all()
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert not ExperimentLook.objects.exists()
