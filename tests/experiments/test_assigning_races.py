"""Many ask at the same moment, on connections of their own: the balance stays, and each subject has one answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.services.consent import record_consent
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.models import ExperimentAssignment, StratumCounter
from experiments.services.assign import Answer, assign
from experiments.services.check import replay_experiment
from experiments.services.running import create_experiment, step
from tests.experiments.protocols import protocol
from tests.factories import make_athlete

pytestmark = [pytest.mark.usefixtures("committed_database"), pytest.mark.postgres]
KEY, THREADS = "race", 6


def test_concurrent_assignments_keep_the_balance_and_give_one_answer_a_subject():
    told = {"key": KEY, "reason": "race", "acting_user": COMMAND_LINE}
    fields = {"variant_weights": {"a": 40, "b": 30, "c": 30}, "stratification_keys": ["sport"], "protocol": protocol()}
    create_experiment(fields=fields, **told)
    step(command=Command.START, expected=None, **told)
    athletes = [make_athlete(sport=sport) for sport in ("running", "cycling") for _ in range(18)]
    for athlete in athletes:
        about = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
        record_consent(athlete_id=athlete.pk, granted=True, **about)
    barrier = threading.Barrier(THREADS)

    def ask(number: int) -> list[Answer]:
        try:
            barrier.wait()
            turned = athletes[number * 5 :] + athletes[: number * 5]
            return [
                assign(experiment_key=KEY, subject_id=one.pk, attributes={}, acting_user=COMMAND_LINE) for one in turned
            ]
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [answer for found in pool.map(ask, range(THREADS)) for answer in found]
    assert len(set(answers)) == len(athletes), "each subject has one answer, whoever asked"
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = list(ExperimentAssignment.objects.all())
    for counter in StratumCounter.objects.all():
        of_stratum = [row for row in rows if row.stratum == counter.stratum]
        assert sorted(row.number for row in of_stratum) == list(range(counter.arrived)) == list(range(18))
        counts = Counter(row.variant for row in of_stratum)
        assert all(abs(counts[variant] - 18 * share) < 2 for variant, share in (("a", 0.4), ("b", 0.3), ("c", 0.3)))
    assert {found.differences for _, found in replay_experiment(key=KEY, acting_user=COMMAND_LINE)} == {()}


def test_consent_withdrawn_while_somebody_waits_for_the_athlete_counts():
    told = {"key": KEY, "reason": "race", "acting_user": COMMAND_LINE}
    create_experiment(fields={"variant_weights": {"a": 50, "b": 50}, "protocol": protocol()}, **told)
    step(command=Command.START, expected=None, **told)
    athlete = make_athlete()
    about = {"athlete_id": athlete.pk, "purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
    record_consent(granted=True, **about)

    def ask() -> Answer:
        try:
            return assign(experiment_key=KEY, subject_id=athlete.pk, attributes={}, acting_user=COMMAND_LINE)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(COMMAND_LINE):
            record_consent(granted=False, **about)
            asked = pool.submit(ask)
            wait_until_somebody_waits()
        answer = asked.result(timeout=60)
    assert (answer.variant, answer.reason) == (None, "not_consented")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not ExperimentAssignment.objects.exists()


def wait_until_somebody_waits() -> None:
    """Return once another connection waits for a lock in this database."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw first
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nobody waited")
