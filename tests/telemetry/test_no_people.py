"""What leaves names nobody: traffic with planted names, addresses and notes, and then every value of the files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from accounts.services.consent import record_consent
from accounts.services.notify import send_waiting_mail
from common import clock
from modeling.services.import_history import import_history
from modeling.services.record_test import add_test
from plans.services.rate_cycle import rate_cycle
from rollout.services.flags import seed_flags
from rollout.services.reports import file_report
from telemetry.models import OutboxEvent
from telemetry.services.relay import Relay
from tests.factories import COMMAND_LINE, api_of, make_athlete, make_user
from tests.plans.review import Review, make_plan, note_op, plan_row, replace_op

pytestmark = pytest.mark.django_db

NAME, NOTE, HOST = "Quxworthy", "zanzibar", "planted.example"


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


def test_no_name_address_note_or_id_of_a_person_leaves(settings: Any, tmp_path: Path) -> None:
    settings.TELEMETRY_DIR = str(tmp_path)
    review = planted_review()
    live_with(review)
    assert NOTE in review.as_coach.get(f"{review.url}/comments").content.decode()  # so that there is something to find
    assert Relay().turn().error == ""
    assert not OutboxEvent.objects.filter(published_at=None).exists()
    rows = ds.dataset(str(tmp_path), format="parquet", partitioning="hive").to_table().to_pylist()
    assert {row["type"] for row in rows} >= {
        "activity.imported", "athlete.described", "consent.recorded", "cycle.rated", "generation.settled",
        "notification.sent", "plan.approved", "plan.commented", "plan.edited", "plan.generated", "plan.published",
        "plan.submitted", "plan.version.updated", "race.result", "report.filed",
    }  # fmt: skip
    left = [repr(row) for row in rows]
    left += [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    people = (review.athlete.pk, review.user.pk, review.coach.pk)
    planted = [NAME, NOTE, HOST, "Carla", *map(str, people), *(pk.hex for pk in people)]
    found = {word for word in planted for text in left if word.lower() in text.lower()}
    assert found == set()
