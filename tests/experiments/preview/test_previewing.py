"""The preview of what is in the database: as the start would do it, in few reads, in counts alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from datetime import timedelta

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from accounts.models import Athlete, CoachLink
from common import clock
from common.context import unit_of_work
from common.errors import DomainError, NotPermitted, NotVisible, WrongState
from common.management.base import COMMAND_LINE
from common.models import SubjectKey
from experiments.lifecycle import Command
from experiments.models import Experiment, ExperimentAssignment
from experiments.preview import Preview, Sensitivity, Source, Unknown, Verdict
from experiments.services.assign import assign_many
from experiments.services.previewing import preview_experiment
from experiments.services.running import create_experiment, step
from tests.experiments.preview.rosters import fill_roster
from tests.experiments.protocols import protocol
from tests.factories import make_user

pytestmark = pytest.mark.django_db
KEY = "quicker"
SETS = {"parameter": "plan_algorithm_variant", "values": {"a": "auto", "b": "simplified"}}
FIELDS = {
    "variant_weights": {"a": 50, "b": 50},
    "stratification_keys": ["sport", "level"],
    "protocol": protocol(primary_metric="calculation_speed", target=60, planned_subjects=80, **SETS),
}


@pytest.fixture
def scientist(db):
    return make_user("data_scientist")


def draft(scientist, key: str = KEY, **changes):
    return create_experiment(key=key, fields={**FIELDS, **changes}, reason="try it", acting_user=scientist)


def start(key: str, who):
    return step(key=key, command=Command.START, reason="why", expected=None, acting_user=who)


def seen(who, key: str = KEY) -> Preview:
    return preview_experiment(key=key, acting_user=who)


def blockers(found: Preview) -> str:
    return " | ".join(map(str, found.blockers))


def said(found: Preview) -> str:
    return " | ".join(map(str, found.checks))


def test_everybody_is_counted_and_nothing_is_written(scientist):
    fill_roster(90, refused=10, never_asked=5)
    draft(scientist)
    found = seen(scientist)
    counts = found.allocation.counts
    assert (counts.roster, counts.never_asked, counts.refused, counts.taken) == (90, 5, 10, 75)
    assert [row.values for row in found.allocation.rows][:2] == [("advanced", "cycling"), ("advanced", "running")]
    assert found.is_example and not found.blockers
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not ExperimentAssignment.objects.exists()
        assert Experiment.objects.get().status == "draft"


def test_a_closed_roster_is_previewed_as_the_start_of_that_moment_enrols_it(scientist):
    """The moment of the start is in the salts, and a closed roster starts when it is ranked: so time stands still."""
    fill_roster(120, refused=9)
    draft(scientist, roster="closed", holdout_percentage=10, traffic_percentage=80)
    with clock.frozen(clock.now()):
        found = seen(scientist).allocation
        start(KEY, scientist)
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = list(ExperimentAssignment.objects.values_list("stratum", "variant", "is_holdout"))
    stored = Counter((stratum, variant) for stratum, variant, is_holdout in rows if not is_holdout)
    expected = Counter()
    for row in found.rows:
        level, sport = row.values
        for variant, number in zip(found.variants, row.arms, strict=True):
            expected[f"level={level}&sport={sport}", variant] = number
    assert stored == +expected
    assert sum(is_holdout for _, _, is_holdout in rows) == found.counts.held_out > 0
    assert found.counts.taken == stored.total() > 50
    assert found.counts.outside_traffic > 0


def test_with_a_fixed_start_the_counts_are_those_of_whoever_all_come(scientist):
    """Blocks are filled in the order of arrival: who is where depends on it, how many are does not."""
    people = fill_roster(90)
    begins = clock.now() + timedelta(days=2)
    draft(scientist, start_at=begins.isoformat(), traffic_percentage=60, holdout_percentage=5)
    found = seen(scientist)
    assert not found.is_example
    start(KEY, scientist)
    with clock.frozen(begins + timedelta(hours=1)):
        subjects = [(athlete.pk, {}) for athlete in people]
        answers = assign_many(experiment_key=KEY, subjects=subjects, acting_user=COMMAND_LINE)
    counts = found.allocation.counts
    reasons = Counter(answer.reason for answer in answers)
    assert (reasons["assigned"], reasons["not_in_traffic"]) == (counts.taken, counts.outside_traffic)
    assert reasons["holdout"] == counts.held_out
    arms = Counter(answer.variant for answer in answers if answer.variant)
    assert found.allocation.arms == (arms["a"], arms["b"])


@pytest.mark.parametrize("size", [50, 200])
def test_as_many_reads_for_a_large_roster_as_for_a_small_one(scientist, django_assert_num_queries, size):
    fill_roster(size)
    draft(scientist)
    running = {"protocol": protocol(), "layer": {"key": "digest", "from": 0, "to": 50}}
    start(draft(scientist, key="digest", **running).key, scientist)
    of_unit = 5 if connection.vendor == "postgresql" else 0  # who acts, before and after, and the database's clock
    with django_assert_num_queries(13 + of_unit):
        found = seen(scientist)
    assert found.allocation.counts.taken == size
    assert isinstance(found.sensitivity, Sensitivity)


def test_the_past_of_the_roster_tells_what_can_be_seen(scientist):
    fill_roster(160, coaches=20)
    draft(scientist)
    found = seen(scientist).sensitivity
    assert isinstance(found, Sensitivity)
    assert found.background.clusters == 20
    assert 850 < found.background.mean < 950
    assert 100 < found.background.sd < 300
    assert found.arrivals.source is Source.USES
    assert found.arrivals.weekly[-1] == 160
    assert 0 < found.arrivals.weekly[0] < 160
    assert found.worst.detectable > 0
    assert found.days == 56


def test_without_a_use_a_closed_roster_is_there_at_once_and_an_open_one_comes_by_its_facts(scientist):
    fill_roster(60)
    bare = protocol(primary_metric="calculation_speed")
    draft(scientist, protocol=bare, roster="closed")
    assert seen(scientist).sensitivity.arrivals.source is Source.AT_ONCE
    draft(scientist, key="open", protocol=bare)
    assert seen(scientist, "open").sensitivity.arrivals.source is Source.FACTS


@pytest.mark.parametrize(
    ("roster", "metric", "why"),
    [
        ({"size": 60, "requests": 0}, "calculation_speed", "0 of 60 athletes have a value"),
        ({"size": 60, "coaches": 2}, "calculation_speed", "2 coaches"),
        ({"size": 60}, "errors", "the same value"),
        ({"size": 60}, "problem_reports", "the same value"),
        ({"size": 60, "never_asked": 60}, "calculation_speed", "nobody would be in it"),
    ],
)
def test_what_is_not_known_is_said_to_be_so(scientist, roster, metric, why):
    fill_roster(**roster)
    draft(scientist, protocol=protocol(primary_metric=metric))
    found = seen(scientist)
    assert isinstance(found.sensitivity, Unknown)
    assert why in found.sensitivity.why
    assert f"not known: {found.sensitivity.why}" in said(found)


def test_who_has_no_coach_stands_alone_and_only_links_that_hold_count(scientist):
    people = fill_roster(60, coaches=3)
    with unit_of_work(COMMAND_LINE):
        ended = CoachLink.objects.filter(athlete__in=people[:20])
        ended.update(active_until=clock.today())
    draft(scientist)
    assert seen(scientist).allocation.clusters == 23


def test_two_experiments_beside_each_other(scientist):
    people = fill_roster(60)
    start(draft(scientist, key="digest", protocol=protocol()).key, scientist)
    subjects = [(athlete.pk, {}) for athlete in people[:40]]
    assign_many(experiment_key="digest", subjects=subjects, acting_user=COMMAND_LINE)
    draft(scientist)
    [other] = seen(scientist).overlaps
    assert (other.key, other.on_roster, other.in_both) == ("digest", 40, 40)
    assert other.verdict is Verdict.CHECK
    assert "digest: 67 %" in said(seen(scientist))


@pytest.mark.parametrize(
    ("theirs", "mine", "text"),
    [
        ({}, {}, "'digest' sets plan_algorithm_variant already"),
        (
            {"protocol": protocol(), "layer": {"key": "planning", "from": 0, "to": 60}},
            {"layer": {"key": "planning", "from": 50, "to": 100}},
            "both have 50 to 60 % of 'planning'",
        ),
    ],
)
def test_what_another_experiment_has_blocks(scientist, theirs, mine, text):
    fill_roster(30)
    start(draft(scientist, key="digest", **theirs).key, scientist)
    draft(scientist, **mine)
    found = seen(scientist)
    assert text in blockers(found)
    assert [one.verdict for one in found.overlaps] == [Verdict.CLASH]
    with pytest.raises(DomainError):
        start(KEY, scientist)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"protocol": {}}, "Say what is asked before the start"),
        (
            {"roster": "closed", "start_at": "2099-01-01T00:00:00+00:00"},
            "A closed roster is ranked by the start itself",
        ),
    ],
)
def test_what_the_start_refuses_blocks(scientist, changes, text):
    fill_roster(30)
    draft(scientist, **changes)
    found = seen(scientist)
    assert text in blockers(found)
    assert found.allocation.counts.taken == 30
    with pytest.raises(DomainError, match=text):
        start(KEY, scientist)


def test_an_end_that_is_over_blocks_and_the_rest_is_shown(scientist):
    fill_roster(30)
    with clock.frozen(clock.now() - timedelta(days=3)):
        draft(scientist, end_at=(clock.now() + timedelta(days=1)).isoformat())
    found = seen(scientist)
    assert "end_at" in blockers(found)
    assert found.allocation.counts.taken == 30
    with pytest.raises(DomainError):
        start(KEY, scientist)


def test_an_attribute_that_only_clients_know_blocks_a_closed_roster(scientist):
    fill_roster(30)
    draft(scientist, stratification_keys=["device"], roster="closed")
    assert "device of 30 athletes" in blockers(seen(scientist))
    with pytest.raises(DomainError):
        start(KEY, scientist)


def test_nobody_who_agreed_blocks(scientist):
    fill_roster(12, never_asked=12)
    draft(scientist)
    assert "nobody on the roster has agreed" in blockers(seen(scientist))


def test_what_somebody_should_know_is_a_warning(scientist):
    fill_roster(60, coaches=30)
    draft(scientist, end_at=(clock.now() + timedelta(days=20)).isoformat(), targeting={"device": ["phone"]})
    found = seen(scientist)
    assert "device is known to clients alone" in said(found)
    draft(scientist, key="plain", end_at=(clock.now() + timedelta(days=10)).isoformat())
    found = said(seen(scientist, "plain"))
    assert "10 athletes, no separate result" in found
    assert "have athletes in one arm only" in found
    assert "before 2 whole weeks have passed" in found
    assert not seen(scientist, "plain").blockers


def test_the_result_names_nobody(scientist):
    people = fill_roster(40)
    draft(scientist)
    text = json.dumps(asdict(seen(scientist)), cls=DjangoJSONEncoder, default=str)
    with unit_of_work(COMMAND_LINE, read_only=True):
        coaches = set(CoachLink.objects.values_list("coach_id", flat=True))
    for key in {athlete.pk for athlete in people} | coaches:
        assert str(key) not in text
    assert "Somebody" not in text


def test_who_may_and_when(scientist):
    fill_roster(4)
    draft(scientist)
    with pytest.raises(NotPermitted):
        seen(make_user("coach"))
    with pytest.raises(NotVisible):
        seen(scientist, "none")
    assert seen(make_user("admin")).allocation.counts.roster == 4
    start(KEY, scientist)
    with pytest.raises(WrongState):
        seen(scientist)


def test_who_was_erased_is_on_no_roster(scientist):
    people = fill_roster(5)
    with unit_of_work(COMMAND_LINE):
        gone = {"version": 1, "wrapped_key": b"", "destroyed_at": clock.now()}
        SubjectKey.objects.update_or_create(subject_id=people[0].pk, defaults=gone)
        assert Athlete.objects.count() == 5
    draft(scientist)
    assert seen(scientist).allocation.counts.roster == 4
