"""Who was erased, or withdrew from experiments, goes from outbox, dead letters and files; consumers are told."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.dataset as ds
import pytest
from django.core.management import CommandError, call_command

from accounts.services.consent import record_consent
from accounts.services.erasure import erase_from_command_line
from audit.models import AuditEvent
from common import clock
from common.context import COMMAND_LINE, unit_of_work
from common.ids import uuid7
from telemetry.models import DeadLetter, Forgetting, OutboxEvent
from telemetry.services import emit
from telemetry.services.forget import forget_due, forget_person
from telemetry.services.relay import Relay
from telemetry.tokens import person_token
from tests.factories import make_athlete, make_user
from tests.telemetry.making import HAPPENED, add_types, dead_letter

pytestmark = pytest.mark.django_db
KEYS = {number: base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)}


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.TELEMETRY_DIR = str(tmp_path)
    add_types(monkeypatch)
    yield


def happened(person: Any, number: int) -> None:
    with unit_of_work(COMMAND_LINE):
        emit(HAPPENED, aggregate_id=UUID(int=number), data={"coach_id": person, "number": number})


def exposed(athlete: UUID, day: datetime) -> None:
    data = {"experiment": "taper", "variant": "short", "source": "client", "athlete": athlete, "coach": None,
            "exposed_at": day}  # fmt: skip
    with unit_of_work(COMMAND_LINE), clock.frozen(day):
        emit("experiment.exposed", aggregate_id=athlete, data=data)


def in_files(folder: Path) -> list[dict[str, Any]]:
    found = ds.dataset(str(folder), format="parquet", exclude_invalid_files=True)
    return found.to_table(columns=["type", "subject", "data"]).to_pylist()  # type: ignore[no-any-return]


def everywhere(folder: Path) -> str:
    with unit_of_work(COMMAND_LINE, read_only=True):
        stored = [*OutboxEvent.objects.values_list("type", "data"), *DeadLetter.objects.values_list("type", "data")]
    texts = [repr(row) for row in (*stored, *in_files(folder)) if "person.forgotten" not in repr(row)]
    return "\n".join(texts)


def test_an_erased_athlete_goes_from_everywhere_and_consumers_are_told_every_token(
    settings: Any, tmp_path: Path
) -> None:
    user = make_user("athlete")
    ann, ben = make_athlete(user=user).pk, make_athlete().pk
    settings.TELEMETRY_TOKEN_KEYS = {1: KEYS[1]}
    happened(ann, 1)
    settings.TELEMETRY_TOKEN_KEYS = KEYS
    happened(ann, 2)
    happened(ben, 3)
    assert Relay().turn().error == ""
    happened(ann, 4)
    with unit_of_work(COMMAND_LINE):
        letter = dead_letter()
        letter.data["data"]["mate"] = person_token(ann, version=1)
        letter.save()
        dead_letter()
    tokens = [person_token(pk, version=version) for pk in (ann, user.pk) for version in KEYS]
    assert all(token in everywhere(tmp_path) for token in tokens[:2])
    erase_from_command_line(athlete_id=ann, reason="asked")
    with unit_of_work(COMMAND_LINE, read_only=True):
        told = [row.data["data"]["tokens"] for row in OutboxEvent.objects.filter(type="person.forgotten")]
    assert sorted(told) == sorted([tokens[:2], tokens[2:]])
    done = forget_due()
    assert (done.requests, done.broken) == (Forgetting.objects.count(), [])
    assert Relay().turn().error == ""
    left = everywhere(tmp_path)
    assert not [token for token in tokens if token in left]
    assert person_token(ben) in left
    assert DeadLetter.objects.count() == 1
    assert {row["type"] for row in in_files(tmp_path)} == {HAPPENED, "person.forgotten", "athlete.described"}
    assert AuditEvent.objects.filter(action="telemetry.forget").count() == done.requests
    assert forget_due().requests == 0


def test_withdrawing_from_experiments_takes_exposures_and_arms_until_then(tmp_path: Path, settings: Any) -> None:
    ann, noon = make_athlete().pk, datetime(2026, 3, 1, 12, tzinfo=UTC)
    settings.TELEMETRY_VALIDATE = False
    answer = {"athlete_id": ann, "purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
    record_consent(granted=True, **answer)
    exposed(ann, noon)
    assert Relay().turn().error == ""
    exposed(ann, noon + timedelta(hours=1))
    with clock.frozen(noon + timedelta(hours=2)):
        record_consent(granted=False, **answer)
        record_consent(granted=True, **answer)
    exposed(ann, noon + timedelta(hours=3))
    forget_due()
    assert Relay().turn().error == ""
    left = [row["data"] for row in in_files(tmp_path) if row["type"] == "experiment.exposed"]
    assert len(left) == 1
    assert "15:00:00" in left[0]
    assert sum(row["type"] == "consent.recorded" for row in in_files(tmp_path)) == 3


def test_consent_to_training_changes_no_file(tmp_path: Path) -> None:
    ann = make_athlete().pk
    answer = {"athlete_id": ann, "purpose": "training", "text_version": "1", "acting_user": COMMAND_LINE}
    record_consent(granted=False, **answer)
    assert Forgetting.objects.count() == 0


def test_a_broken_file_leaves_the_request_open_and_the_command_says_so(tmp_path: Path) -> None:
    ann = uuid7()
    happened(ann, 1)
    assert Relay().turn().error == ""
    (whole,) = tmp_path.rglob("*.parquet")
    broken = whole.with_name("broken.parquet")
    broken.write_bytes(b"no")
    with unit_of_work(COMMAND_LINE):
        forget_person(ann)
    with pytest.raises(CommandError):
        call_command("telemetry", "forget")
    assert Forgetting.objects.get().done_at is None
    assert not whole.exists()
    broken.unlink()
    call_command("telemetry", "forget")
    assert Forgetting.objects.get().done_at is not None


def test_forgetting_belongs_to_the_transaction_that_erases() -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work(COMMAND_LINE):
        forget_person(uuid7())
        raise ZeroDivisionError
    assert not Forgetting.objects.exists()
    assert not OutboxEvent.objects.filter(type="person.forgotten").exists()
