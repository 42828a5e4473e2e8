"""What leaves names nobody: traffic with planted names, addresses and notes, and then every value of outbox, dead
letters, inbox and files. The scanner is shown to find what is planted there.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.dataset as ds
import pytest
from django.db import connection

from accounts.services.consent import record_consent
from accounts.services.notify import send_waiting_mail
from common import clock
from common.context import RequestInfo, requested_by, unit_of_work
from common.ids import uuid7
from modeling.services.import_history import import_history
from modeling.services.record_test import add_test
from plans.services.rate_cycle import rate_cycle
from rollout.services.flags import seed_flags
from rollout.services.reports import file_report
from telemetry.forgetting import Forget
from telemetry.inbox import once
from telemetry.models import DeadLetter, OutboxEvent
from telemetry.relay import MAX_ATTEMPTS, event_of
from telemetry.services.relay import Relay
from telemetry.sinks.parquet import ParquetSink
from telemetry.sinks.rewriting import compact_files
from tests.factories import COMMAND_LINE, api_of, make_athlete, make_user
from tests.plans.review import Review, make_plan, note_op, plan_row, replace_op
from tests.telemetry.making import add_types, dead_letter, event

pytestmark = pytest.mark.django_db

NAME, NOTE, HOST, ADDRESS = "Quxworthy", "zanzibar", "planted.example", "203.0.113.77"
TABLES = ("telemetry_outbox", "telemetry_dead_letters", "telemetry_inbox")
# The relay orders by it; it never leaves with an event. Of a person's own events it is the person.
IDS = {"aggregate_id"}


def planted_review() -> Review:
    """People whose every name and address is planted, and a plan."""
    seed_flags(acting_user=COMMAND_LINE)
    coach = make_user("coach", name=f"Carla {NAME}", email=f"carla@{HOST}")
    user = make_user("athlete", name=f"Ann {NAME}", email=f"ann@{HOST}")
    athlete = make_athlete(coach=coach, user=user, name=f"Ann {NAME}")
    return Review(coach, user, athlete, make_plan(coach, athlete), api_of(coach), api_of(user))


def live_with(review: Review) -> None:
    """Let people do what they do, with a note wherever something may be written."""
    ann = review.athlete.pk
    record_consent(athlete_id=ann, purpose="training", granted=True, text_version=NOTE, acting_user=review.user)
    csv = f"date,sport,duration,distance,name\n2026-03-01,run,4387,13370,{NOTE}\n".encode()
    import_history(athlete_id=ann, sources=[(f"{NOTE}.csv", io.BytesIO(csv))], acting_user=review.coach)
    assert review.as_coach.post(f"{review.url}/comments", {"message": NOTE}).status_code == 201
    session = review.editable()[0]
    edits = [replace_op(session, "title", f"{NAME} {NOTE}", reason="travel"), note_op(session, NOTE)]
    assert review.patch(edits).status_code == 200
    assert review.submit(comment=NOTE).status_code == 200
    assert review.decide("accept", comment=NOTE).status_code == 200
    file_report(topic="calculation", severity="high", text=NOTE, acting_user=review.user)
    race_day = plan_row(review).race_date
    with clock.frozen(clock.now() + (race_day - clock.today())):
        add_test(athlete_id=ann, day=race_day, value=45.0, kind="race", note=NOTE, acting_user=review.coach)
    rate_cycle(plan_id=review.plan_id, score=4, comment=NOTE, acting_user=review.user)
    assert send_waiting_mail()


def everything_that_leaves(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of all that telemetry holds: each value of its tables, each value and name of the files."""
    with unit_of_work(COMMAND_LINE, read_only=True), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((table, str(value)) for name, value in zip(columns, row, strict=True) if name not in IDS)
    for row in ds.dataset(str(folder), format="parquet", exclude_invalid_files=True).to_table().to_pylist():
        yield from (("files", str(value)) for value in row.values())
    yield from (("names of files", str(path.relative_to(folder))) for path in folder.rglob("*"))


def scan(folder: Path, planted: Iterable[str]) -> set[tuple[str, str]]:
    """Return which planted words occur where, whatever their case."""
    words = [word.lower() for word in planted]
    found = everything_that_leaves(folder)
    return {(where, word) for where, text in found for word in words if word in text.lower()}


def test_no_name_address_note_or_id_of_a_person_leaves(settings: Any, tmp_path: Path) -> None:
    settings.TELEMETRY_DIR = str(tmp_path)
    review = planted_review()
    with requested_by(RequestInfo(uuid7(), ADDRESS, f"{NAME} Browser")):
        live_with(review)
    assert NOTE in review.as_coach.get(f"{review.url}/comments").content.decode()  # so that there is something to find
    with unit_of_work(COMMAND_LINE):
        event = OutboxEvent.objects.filter(type="plan.commented").get()
        event.data["data"]["visibility"] = 7
        event.attempts = MAX_ATTEMPTS - 1
        event.save()
    assert Relay().turn().dead == 1
    assert Relay().turn().error == ""  # what stood behind it
    assert not OutboxEvent.objects.filter(published_at=None).exists()
    compact_files(tmp_path, before=date.max, forget=Forget())
    types = ds.dataset(str(tmp_path), format="parquet", exclude_invalid_files=True).to_table(columns=["type"])
    assert set(types["type"].to_pylist()) >= {
        "activity.imported", "athlete.described", "consent.recorded", "cycle.rated", "generation.settled",
        "notification.sent", "plan.approved", "plan.edited", "plan.generated", "plan.published",
        "plan.submitted", "plan.version.updated", "race.result", "report.filed",
    }  # fmt: skip
    people = (review.athlete.pk, review.user.pk, review.coach.pk)
    planted = [NAME, NOTE, HOST, ADDRESS, "Carla", *map(str, people), *(pk.hex for pk in people)]
    assert scan(tmp_path, planted) == set()


@pytest.mark.parametrize("where", [*TABLES, "files", "names of files"])
def test_the_scanner_finds_what_leaks(where: str, settings: Any, tmp_path: Path, monkeypatch: Any) -> None:
    settings.TELEMETRY_DIR = str(tmp_path)
    add_types(monkeypatch)
    leak, clean = event(UUID(int=1), codes=[NAME.lower()]), event(UUID(int=2), codes=["fine"])
    sink = ParquetSink(tmp_path)
    sink.write([event_of(leak if where == "files" else clean)])
    sink.flush()
    with unit_of_work(COMMAND_LINE):
        if where == "telemetry_outbox":
            leak.save()
        elif where == "telemetry_dead_letters":
            dead_letter()
            DeadLetter.objects.update(reason=f"{NAME} was refused")
        elif where == "telemetry_inbox":
            once(NAME, clean.pk)
        elif where == "names of files":
            (tmp_path / f"{NAME}.parquet").write_bytes(b"")
    assert scan(tmp_path, [NAME, NOTE]) == {(where, NAME.lower())}
