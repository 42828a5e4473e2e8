"""Assignments as they are stored: one answer a subject, over calls, pauses, phases and races; consent and scope."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from accounts.services.consent import record_consent
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible, StaleVersion, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentAssignment, ExperimentPhase, StratumCounter
from experiments.services import roster
from experiments.services.assign import assign, assign_many
from experiments.services.check import replay_experiment
from experiments.services.roster import enrol_roster
from experiments.services.running import begin_phase, create_experiment, edit_experiment, step
from tests.experiments.protocols import protocol
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.django_db
KEY = "taper"
FIELDS = {"variant_weights": {"a": 50, "b": 50}, "stratification_keys": ["sport"], "protocol": protocol()}


@pytest.fixture
def scientist(db):
    return make_user("data_scientist")


@pytest.fixture
def taper(scientist):
    """A running experiment of two variants, stratified by sport."""
    create_experiment(key=KEY, fields=FIELDS, reason="try it", acting_user=scientist)
    return told("start", scientist)


def told(command: str, who, **more):
    return step(key=KEY, command=Command(command), reason="why", expected=None, acting_user=who, **more)


def agreeing(**fields):
    athlete = make_athlete(**fields)
    agree(athlete, granted=True)
    return athlete


def agree(athlete, *, granted: bool) -> None:
    about = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
    record_consent(athlete_id=athlete.pk, granted=granted, **about)


def answer_for(athlete, *, who=COMMAND_LINE, **attributes):
    return assign(experiment_key=KEY, subject_id=athlete.pk, attributes=attributes, acting_user=who)


def stored() -> list[ExperimentAssignment]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(ExperimentAssignment.objects.select_related("phase").order_by("id"))


def test_a_variant_is_decided_once_and_answered_so_again(taper):
    athlete = agreeing()
    first = answer_for(athlete)
    assert (first.reason, first.phase, first.is_holdout) == ("assigned", 1, False)
    assert answer_for(athlete, device="phone") == first
    [row] = stored()
    assert (row.variant, row.stratum, row.number) == (first.variant, f"sport={athlete.sport}", 0)
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action="experiment.assign")
    assert event.metadata_json == {"key": KEY, "phase": 1, "variant": first.variant, "is_holdout": False}


def test_what_the_server_knows_is_its_own_word(taper):
    athlete = agreeing()
    answer_for(athlete, sport="chess")
    assert stored()[0].stratum == f"sport={athlete.sport}"


def test_each_stratum_is_balanced_and_every_assignment_replays(taper, scientist):
    athletes = [agreeing(sport=sport) for sport in ("running", "cycling") for _ in range(15)]
    assign_many(experiment_key=KEY, subjects=[(athlete.pk, {}) for athlete in athletes], acting_user=COMMAND_LINE)
    for sport in ("running", "cycling"):
        counts = Counter(row.variant for row in stored() if row.stratum == f"sport={sport}")
        assert sum(counts.values()) == 15
        assert max(counts.values()) - min(counts.values()) <= 2
    replayed = [found for _, found in replay_experiment(key=KEY, acting_user=COMMAND_LINE)]
    assert [found.differences for found in replayed] == [()] * 30


def test_a_row_that_was_tampered_with_does_not_replay(taper):
    answer_for(agreeing())
    with unit_of_work(COMMAND_LINE):
        row = ExperimentAssignment.objects.get()
        other = "b" if row.variant == "a" else "a"
        ExperimentAssignment.objects.filter(pk=row.pk).update(variant=other)
    [(_, found)] = replay_experiment(key=KEY, acting_user=COMMAND_LINE)
    assert [(one.field, one.recorded) for one in found.differences] == [("variant", other)]


def test_consent_comes_first_and_its_withdrawal_holds_at_the_next_call(taper):
    athlete = make_athlete()
    assert answer_for(athlete).reason == "not_consented"
    assert stored() == []
    agree(athlete, granted=True)
    first = answer_for(athlete)
    assert first.variant
    agree(athlete, granted=False)
    assert (answer_for(athlete).variant, answer_for(athlete).reason) == (None, "not_consented")
    agree(athlete, granted=True)
    assert answer_for(athlete) == first


def test_a_pause_takes_nobody_new_and_keeps_who_is_in(taper, scientist):
    athlete, late = agreeing(), agreeing()
    first = answer_for(athlete)
    told("pause", scientist)
    assert answer_for(athlete) == first
    assert answer_for(late).reason == "paused"
    told("resume", scientist)
    assert answer_for(late).variant
    told("complete", scientist)
    assert answer_for(athlete).reason == "ended"
    with pytest.raises(WrongState):
        told("resume", scientist)


def test_a_draft_and_one_that_begins_tomorrow_assign_nobody(scientist):
    fields = {**FIELDS, "start_at": (clock.now() + timedelta(days=1)).isoformat()}
    create_experiment(key=KEY, fields=fields, reason="soon", acting_user=scientist)
    athlete = agreeing()
    assert answer_for(athlete).reason == "not_started"
    told("start", scientist)
    assert answer_for(athlete).reason == "not_started"
    with clock.frozen(clock.now() + timedelta(days=1, minutes=1)):
        assert answer_for(athlete).variant


def test_other_weights_are_a_new_phase_and_move_nobody(taper, scientist):
    athlete = agreeing()
    first = answer_for(athlete)
    with pytest.raises(WrongState, match="another variant"):
        edit_experiment(
            key=KEY, changes={"variant_weights": {"a": 90, "b": 10}}, reason="x", expected=None, acting_user=scientist
        )
    changes = {"variant_weights": {"a": 0, "b": 100}}
    begin_phase(key=KEY, changes=changes, reason="a is worse", expected=None, acting_user=scientist)
    assert answer_for(athlete) == first
    assert {answer_for(agreeing()).variant for _ in range(4)} == {"b"}
    assert [row.number for row in ExperimentPhase.objects.order_by("number")] == [1, 2]
    with pytest.raises(WrongState, match="Nothing differs"):
        begin_phase(key=KEY, changes=changes, reason="again", expected=None, acting_user=scientist)


def test_who_is_held_out_is_kept_so(scientist):
    create_experiment(key=KEY, fields={**FIELDS, "holdout_percentage": 99}, reason="x", acting_user=scientist)
    told("start", scientist)
    answers = [answer_for(agreeing()) for _ in range(5)]
    held = [answer for answer in answers if answer.is_holdout]
    assert {(answer.variant, answer.reason) for answer in held} == {(None, "holdout")}
    assert len(held) == sum(row.is_holdout for row in stored()) >= 3


def test_a_closed_roster_is_ranked_at_the_start(scientist):
    athletes = [agreeing() for _ in range(7)]
    make_athlete()
    create_experiment(key=KEY, fields={**FIELDS, "roster": "closed"}, reason="x", acting_user=scientist)
    told("start", scientist)
    assert len(stored()) == 7
    counts = Counter(answer_for(athlete).variant for athlete in athletes)
    assert set(counts) == {"a", "b"} and max(counts.values()) - min(counts.values()) <= 1
    assert answer_for(agreeing()).reason == "not_on_roster"
    assert {found.differences for _, found in replay_experiment(key=KEY, acting_user=COMMAND_LINE)} == {()}


def test_a_roster_that_could_not_be_enrolled_is_enrolled_later(scientist, monkeypatch):
    athlete = agreeing()
    fields = {**FIELDS, "roster": "closed", "stratification_keys": ["tier"]}
    create_experiment(key=KEY, fields=fields, reason="x", acting_user=scientist)
    monkeypatch.setattr(roster, "own_attributes", lambda athlete: {})
    with pytest.raises(InvalidInput, match="tier"):
        told("start", scientist)
    assert (stored(), answer_for(athlete).reason) == ([], "not_on_roster")
    monkeypatch.undo()
    with pytest.raises(NotPermitted):
        enrol_roster(key=KEY, acting_user=make_user("coach"))
    assert (enrol_roster(key=KEY, acting_user=scientist), enrol_roster(key=KEY, acting_user=scientist)) == (1, 0)
    assert answer_for(athlete).variant


def test_a_closed_roster_cannot_begin_later_than_it_is_ranked(scientist):
    fields = {**FIELDS, "roster": "closed", "start_at": (clock.now() + timedelta(days=1)).isoformat()}
    create_experiment(key=KEY, fields=fields, reason="x", acting_user=scientist)
    with pytest.raises(InvalidInput, match="closed roster"):
        told("start", scientist)
    assert Experiment.objects.get(key=KEY).status == "draft"
    assert not ExperimentPhase.objects.exists()


def test_two_experiments_cannot_have_one_slice_of_a_layer(scientist):
    for key, start, stop in (("one", 0, 60), ("two", 50, 100)):
        layer = {"key": "planning", "from": start, "to": stop}
        create_experiment(key=key, fields={**FIELDS, "layer": layer}, reason="x", acting_user=scientist)
    given = {"command": Command.START, "reason": "go", "expected": None, "acting_user": scientist}
    step(key="one", **given)
    with pytest.raises(InvalidInput, match="50 to 60"):
        step(key="two", **given)
    step(**{**given, "key": "one", "command": Command.COMPLETE})
    assert step(key="two", **given).status == "running"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"variant_weights": {"a": 60, "b": 50}}, "variant_weights"),
        ({"variant_weights": {"a": -10, "b": 110}}, "variant_weights/a"),
        ({"variant_weights": {"a": float("nan"), "b": 50}}, "variant_weights"),
        ({"end_at": "2020-01-01T00:00:00Z"}, "end_at"),
        ({"holdout_percentage": 100}, "holdout_percentage"),
        ({"colour": "red"}, "colour"),
        ({"name": ""}, "name"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_stored(scientist, fields, pointer):
    with pytest.raises(InvalidInput) as caught:
        create_experiment(key=KEY, fields={**FIELDS, **fields}, reason="x", acting_user=scientist)
    assert any(pointer in error["pointer"] for error in caught.value.errors)
    with pytest.raises(NotVisible):
        told("start", scientist)


def test_changes_say_what_they_saw_and_why(taper, scientist):
    with pytest.raises(StaleVersion):
        step(key=KEY, command=Command.PAUSE, reason="x", expected=0, acting_user=scientist)
    with pytest.raises(InvalidInput):
        step(key=KEY, command=Command.PAUSE, reason=" ", expected=None, acting_user=scientist)
    with pytest.raises(NotPermitted):
        told("pause", make_user("coach"))


def test_an_attribute_of_the_strata_that_nobody_gives_is_asked_for(scientist):
    create_experiment(
        key=KEY, fields={**FIELDS, "stratification_keys": ["platform"]}, reason="x", acting_user=scientist
    )
    told("start", scientist)
    athlete = agreeing()
    with pytest.raises(InvalidInput) as caught:
        answer_for(athlete)
    assert [error["pointer"] for error in caught.value.errors] == ["#/attributes/platform"]
    assert (stored(), StratumCounter.objects.count()) == ([], 0)
    assert answer_for(athlete, platform="ios").variant


# Over the API


def test_a_coach_asks_for_their_own_athletes_alone(taper):
    coach = make_user("coach")
    own, other = agreeing(coach=coach), agreeing()
    client = api_of(coach)
    answer = client.post("/api/v1/assignments", {"experiment_key": KEY, "subject_id": str(own.pk)})
    assert (answer.status_code, answer.json()["reason"]) == (200, "assigned")
    body = {"experiment_key": KEY, "subject_id": str(other.pk), "attributes": {}}
    assert client.post("/api/v1/assignments", body).status_code == 404
    assert client.post("/api/v1/assignments", {**body, "experiment_key": "none"}).status_code == 404
    both = {"experiment_key": KEY, "subjects": [{"subject_id": str(own.pk)}, {"subject_id": str(other.pk)}]}
    assert client.post("/api/v1/assignments/bulk", both).status_code == 404
    several = client.post("/api/v1/assignments/bulk", {**both, "subjects": both["subjects"][:1]})
    assert several.json() == [answer.json()]
    assert len(stored()) == 1


def test_an_athlete_asks_for_themselves(taper):
    user = make_user("athlete")
    athlete = agreeing(user=user)
    answer = api_of(user).post("/api/v1/assignments", {"experiment_key": KEY, "subject_id": str(athlete.pk)})
    assert answer.json()["variant"] in ("a", "b")
    assert (
        api_of(user).post("/api/v1/assignments", {"experiment_key": KEY, "subject_id": str(uuid7())}).status_code == 404
    )
