"""A company with content to back up, and restoring into databases of our own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection
from django.test import override_settings

from accounts.models import Athlete
from accounts.services.consent import record_consent
from audit.services.archive import archive
from common.backup.contributions import Later
from common.backup.restore import Restored, Source, restore_backup
from common.context import COMMAND_LINE, RequestInfo, requested_by, unit_of_work
from common.ids import uuid7
from telemetry.services.relay import Relay
from tests.audit.log import sealed
from tests.factories import make_athlete, make_user
from tests.plans.review import Review, make_review, replace_op
from tests.support.databases import ADMIN_URL, Databases

ADDRESS = "203.0.113.77"
NOTE = "Xanthippe: knee"
_numbers = itertools.count()


@dataclass(frozen=True)
class World:
    """A reviewed plan with its proof, and another athlete who will be erased; a backup of both."""

    review: Review
    proof: dict[str, Any]
    erased_id: UUID
    backup: Path
    database: str


def folders(root: Path) -> Any:
    """Return settings that keep everything that lies outside the database below a folder."""
    return override_settings(
        AUDIT_HEADS_DIR=str(root / "heads"),
        AUDIT_ARCHIVE=str(root / "archive"),
        TELEMETRY_DIR=str(root / "telemetry"),
        ERASURE_LEDGER=str(root / "erasures.ndjson"),
    )


def fill_company() -> tuple[Review, dict[str, Any], UUID]:
    """Write what a backup has to bring back: sealed, archived, encrypted, published and not yet sealed."""
    review = make_review()
    with requested_by(RequestInfo(uuid7(), ADDRESS, "Browser")):
        review.patch([replace_op(review.editable()[0], "load", 20, reason="injury", note=NOTE)])
    assert review.submit(reason="coach_judgement").status_code == 200
    assert review.decide("accept", comment=NOTE).status_code == 200
    sealed()
    archive()
    proof = review.as_athlete.get(f"{review.url}/proof").json()
    gone = make_athlete(coach=review.coach, user=make_user("athlete"), name="Xanthippe Planted")
    with requested_by(RequestInfo(uuid7(), ADDRESS, "Browser")):
        record_consent(athlete_id=gone.pk, purpose="training", granted=True, text_version="1", acting_user=COMMAND_LINE)
    sealed()
    relay = Relay()  # the process's own keeps the folder that it was opened with
    relay.turn(seconds=30)
    relay.close()
    make_user("coach")
    return review, proof, gone.pk


@contextmanager
def new_database(databases: Databases) -> Iterator[str]:
    """Let the connection name a database that is not there yet, as its owner; it is dropped at the end."""
    name = f"{databases.template}_restored_{os.getpid()}_{next(_numbers)}"  # another worker restores as well
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(NAME=name, USER="app_owner")
    try:
        yield name
    finally:
        connection.close()
        connection.settings_dict.update(NAME=before["NAME"], USER=before["USER"])
        databases.drop(name)


def restored(backup: Path, **more: Any) -> Restored:
    """Restore a backup where the connection points."""
    later = more.pop("later", Later())
    return restore_backup(Source(backup, **more), admin_url=ADMIN_URL, later=later)


def admin_url(name: str) -> str:
    """Return where the superuser finds a database."""
    return ADMIN_URL.rsplit("/", 1)[0] + f"/{name}"


def athlete(pk: UUID) -> Athlete:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return Athlete.objects.get(pk=pk)


def rewritten(path: Path, change: Any) -> None:
    """Change a JSON file."""
    said = json.loads(path.read_text())
    change(said)
    path.write_text(json.dumps(said))
