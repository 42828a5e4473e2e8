"""Whoever withdraws or is erased is in no byte of the feature store, at once and on both databases."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError

from accounts.models import Athlete
from audit.models import AuditEvent
from common.context import unit_of_work
from common.jobs import Job, JobState
from common.management.base import COMMAND_LINE
from experiments.models import Experiment, ExperimentAssignment, ExperimentPhase
from modeling.training.contract import TABLES
from plans.services.export_features import FORGET
from telemetry.tokens import person_tokens
from tests.factories import make_athlete
from tests.features.making import MONDAY, at, consent, export, give_history, make_world, rows, store


def everything() -> bytes:
    """All bytes of the store, unpacked: what a reader could find."""
    root = Path(django_settings.FEATURE_STORE_URL)
    raw = b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())
    told = json.dumps({name: rows(name) for name in TABLES}, default=str)
    return raw + told.encode()


def traces(athlete_id: UUID) -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        user = Athlete.objects.get(pk=athlete_id).user_id
    ids = [athlete_id, *([user] if user else [])]
    return [*person_tokens(athlete_id), *(form for one in ids for form in (str(one), one.hex))]


@pytest.fixture
def two_athletes(committed_database: str) -> tuple[UUID, UUID, str]:
    """Somebody with a plan, and somebody else with a history; both exported."""
    world = make_world()
    with at(4):
        other = make_athlete(name="Stays")
        consent(other.pk)
        give_history(other.pk)
    with at(5):
        export()
    return world.review.athlete.pk, other.pk, str(world.review.plan_id)


def test_withdrawal_takes_every_trace_away_at_once(two_athletes: tuple[UUID, UUID, str]):
    leaving, staying, plan = two_athletes
    gone = [*traces(leaving), plan]
    assert gone[0].encode() in everything()
    with at(6):
        consent(leaving, granted=False)
        _run_jobs()
        left = everything()
        assert [trace for trace in gone if trace.encode() in left] == []
        assert store().consented() == {person_tokens(staying)[0]}
        assert len(rows("activities")) == 2
        store().verify()
    with at(7):
        consent(leaving)  # and given anew, it is all there again with the next export
        export()
        assert gone[0].encode() in everything()


def test_erasure_takes_every_trace_away_at_once(two_athletes: tuple[UUID, UUID, str]):
    leaving, staying, plan = two_athletes
    gone = [*traces(leaving), plan]
    with at(6):
        call_command("erase_athlete", str(leaving), reason="asked for it", stdout=StringIO())
        _run_jobs()
        left = everything()
        assert [trace for trace in gone if trace.encode() in left] == []
        assert store().consented() == {person_tokens(staying)[0]}


def test_a_job_that_has_nothing_to_forget_exports_nothing(two_athletes: tuple[UUID, UUID, str]):
    _, staying, _ = two_athletes
    third = make_athlete(name="Never in it")
    with at(6):
        consent(third.pk, granted=False)
        _run_jobs()
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert Job.objects.filter(kind=FORGET).latest("id").result == {"exported": False}
    assert store().manifest.exported_at < MONDAY.replace(day=7)


def test_without_a_store_a_withdrawal_makes_none(committed_database: str):
    athlete = make_athlete(name="Early")
    consent(athlete.pk)
    consent(athlete.pk, granted=False)
    _run_jobs()
    assert not Path(django_settings.FEATURE_STORE_URL).exists()


def test_withdrawn_from_experiments_no_arm_is_told(two_athletes: tuple[UUID, UUID, str]):
    leaving, _, _ = two_athletes
    with at(5.5), unit_of_work(COMMAND_LINE):
        experiment = Experiment.objects.create(key="secret-arm", name="Secret", owner_id=leaving)
        phase = ExperimentPhase.objects.create(
            experiment=experiment, number=1, document_json={}, version="1", started_at=MONDAY, reason="x"
        )
        ExperimentAssignment.objects.create(
            experiment=experiment,
            phase=phase,
            subject_id=leaving,
            variant="blue",
            bucket=1,
            propensity=0.5,
            assigned_at=MONDAY,
            record_json={},
        )
    with at(6):
        export()
        assert rows("assignments") == []
        consent(leaving, purpose="experiments")
        export()
        (told,) = rows("assignments")
        assert (told["experiment"], told["variant"], told["propensity"]) == ("secret-arm", "blue", 0.5)
        consent(leaving, granted=False, purpose="experiments")
        _run_jobs()
        assert rows("assignments") == []
        assert b"secret-arm" not in everything()
        assert len(rows("plans")) == 1


def test_the_command_exports_tells_and_checks(two_athletes: tuple[UUID, UUID, str]):
    def told(*words: str) -> dict[str, Any]:
        out = StringIO()
        call_command("features", *words, as_json=True, stdout=out)
        return json.loads(out.getvalue())

    with at(6):
        exported = told("export")
        assert exported["rows"]["activities"] == 4
        assert exported["files_written"] == 0
        assert told("status")["data_sha256"] == exported["data_sha256"]
        assert told("verify")["ok"] is True
        with unit_of_work(COMMAND_LINE, read_only=True):
            events = AuditEvent.objects.filter(action="features.export")
            assert [event.metadata_json["athletes"] for event in events] == [2]  # the one that changed nothing is none
    part = store().manifest.parts["activities"][0].path
    (Path(django_settings.FEATURE_STORE_URL) / "schema=1" / part).write_bytes(b"broken")
    with pytest.raises(CommandError) as refused:
        call_command("features", "verify", stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 1
    django_settings.FEATURE_STORE_URL += "-elsewhere"
    with pytest.raises(CommandError) as refused:
        call_command("features", "status", stdout=StringIO(), stderr=StringIO())
    assert refused.value.returncode == 2


def _run_jobs() -> None:
    """What Celery does in process on commit; a job left over would be a withdrawal that nobody heard of."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        jobs = Job.objects.filter(kind=FORGET)
        assert jobs.exists()
        assert set(jobs.values_list("state", flat=True)) == {JobState.DONE}
