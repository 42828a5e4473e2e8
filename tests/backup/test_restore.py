"""A backup restored into an empty database: the seals verify, nobody sees more, nobody who was erased comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from accounts.models import Athlete, ErasureRequest, RefreshToken
from accounts.services.holds import place_hold
from audit.keys import signing_keys
from audit.models import AuditEvent
from audit.services.archive import archive
from audit.services.verify import Scope, verify_log
from common.backup.contributions import Later
from common.backup.make import make_backup, thin_out
from common.backup.opening import KEYS_PART
from common.backup.restore import catch_up
from common.context import COMMAND_LINE, unit_of_work
from common.db_operations import guarded_tables
from common.keys import ERASED, key_ring
from plans.models import PlanReview
from telemetry.tokens import person_tokens
from tests.audit.log import sealed
from tests.backup.making import NOTE, World, admin_url, athlete, folders, new_database, restored
from tests.factories import make_athlete
from tests.support.databases import ADMIN_URL, ROOT, Databases

pytestmark = pytest.mark.postgres


def comment_of(world: World) -> str:
    with unit_of_work(COMMAND_LINE, read_only=True):
        (said,) = PlanReview.objects.filter(plan_id=world.review.plan_id, decision="accept")
        return key_ring([world.review.athlete.pk]).read(world.review.athlete.pk, said.comment)


def tokens_in_files(root: Path, pk: UUID) -> list[Path]:
    import pyarrow.parquet as pq

    tokens = person_tokens(pk)
    found = []
    for path in sorted((root / "telemetry").glob("type=*/day=*/*.parquet")):
        rows = json.dumps(pq.ParquetFile(path).read(columns=["subject", "data"]).to_pylist())
        found += [path] if any(token in rows for token in tokens) else []
    return found


def as_app_rw(name: str, statement: str, *, user_id: UUID | str = "") -> object:
    with psycopg.connect(ADMIN_URL, dbname=name) as database:
        database.execute("SET ROLE app_rw")
        database.execute("SELECT set_config('app.user_id', %s, true)", [str(user_id)])
        return database.execute(statement.encode()).fetchall()


def test_everything_is_there_again_and_the_log_goes_on(
    world: World, ledger: Path, elsewhere: Path, databases: Databases, tmp_path: Path
) -> None:
    with new_database(databases) as name:
        done = restored(world.backup, later=Later((ledger,)))
        assert (done.faults, done.kept, done.done_again) == ([], [], ["1 erased again"])
        assert done.files == {"audit-archive": 2, "audit-heads": 1, "telemetry": done.files["telemetry"]}
        assert done.files["telemetry"] > 3

        assert comment_of(world) == NOTE
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert RefreshToken.objects.count() == 0
            (seen,) = AuditEvent.objects.filter(action="plan.edit").exclude(origin_ip=None)[:1]
            assert key_ring([seen.origin_key_of]).decrypt(seen.origin_key_of, bytes(seen.origin_ip)) == "127.0.0.1"

        # The service goes on: new events are sealed above the old ones, archived and verified with them.
        connection.close()
        connection.settings_dict["USER"] = "app_rw"
        make_athlete(coach=world.review.coach)
        before = sealed().tree_size
        assert archive()
        report = verify_log(Scope(archive=True))
        assert (report.findings, report.events, report.waiting) == ([], before, 0)

        path = tmp_path / "proof.json"
        assert world.review.as_coach.get(f"{world.review.url}/proof").json()["event"] == world.proof["event"]
        path.write_text(json.dumps(world.proof))
        command = [sys.executable, "-I", "-S", str(ROOT / "docs" / "verify_proof.py"), str(path)]
        key = signing_keys().public_key(1).hex()
        assert subprocess.run([*command, "--key", key], capture_output=True, check=False).returncode == 0

        assert guarded_tables(connection) >= {"audit_events", "audit_seals", "plan_versions"}
        assert as_app_rw(name, "SELECT count(*) FROM accounts_athlete") == [(0,)]
        own = as_app_rw(name, "SELECT id FROM accounts_athlete", user_id=world.review.user.pk)
        assert own == [(world.review.athlete.pk,)]
        for table in ("audit_events", "plan_versions"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                as_app_rw(name, f"DELETE FROM {table} RETURNING 1")


def test_who_was_erased_after_the_backup_is_erased_again(
    world: World, ledger: Path, elsewhere: Path, databases: Databases
) -> None:
    with new_database(databases):
        restored(world.backup, later=Later(unknown=True))
        assert athlete(world.erased_id).name == "Xanthippe Planted"
        assert tokens_in_files(elsewhere, world.erased_id)
        # An erased person who came after the backup is in no table of it: nothing to do, and said.
        line = json.loads(ledger.read_text().splitlines()[0])
        stranger = {**line, "athlete_id": str(UUID(int=7)), "request_id": str(UUID(int=8))}
        more = elsewhere / "list"
        more.write_text(ledger.read_text() + json.dumps(stranger) + "\n")

        found = catch_up(Later((more,)))

        assert (found.done, found.faults) == (["1 erased again", "1 erased people are not in this database"], [])
        assert athlete(world.erased_id).name == "Erased athlete"
        assert tokens_in_files(elsewhere, world.erased_id) == []
        assert catch_up(Later((more,))).done == ["1 erased people are not in this database"]
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert ErasureRequest.objects.filter(athlete_id=world.erased_id, state="done").count() == 1
            assert key_ring([world.erased_id]).read(world.erased_id, b"\x01" + bytes(40)) == ERASED
        assert comment_of(world) == NOTE


def test_a_hold_that_came_back_is_named_and_not_lifted_by_us(
    world: World, ledger: Path, elsewhere: Path, databases: Databases
) -> None:
    with new_database(databases):
        restored(world.backup, later=Later(unknown=True))
        place_hold(athlete_id=world.erased_id, reason="court", held_until=None, acting_user=COMMAND_LINE)
        (fault,) = catch_up(Later((ledger,))).faults
        assert str(world.erased_id) in fault
        assert athlete(world.erased_id).name == "Xanthippe Planted"


def test_an_old_backup_opens_with_the_keys_of_a_newer_one_and_without_those_of_the_erased(
    world: World, ledger: Path, elsewhere: Path, databases: Databases, tmp_path: Path
) -> None:
    """The archive survived on another machine and is ahead: what it has comes back, the erasure with it."""
    old = tmp_path / "backups" / "mesocycle-20200101T000000Z"
    old.parent.mkdir()
    old.symlink_to(world.backup)
    with folders(world.backup.parent.parent):
        sealed()
        archive()
        newer = make_backup(tmp_path / "newer", admin_url(world.database)).folder
        survived = sorted((world.backup.parent.parent / "archive" / "segments").iterdir())
    (elsewhere / "archive" / "segments").mkdir(parents=True)
    for path in survived:
        (elsewhere / "archive" / "segments" / path.name).write_bytes(path.read_bytes())
    with new_database(databases):
        done = restored(world.backup, keys_of=newer, keep_files=True, later=Later(unknown=True))
        assert (done.faults, done.kept, done.done_again) == ([], ["audit-archive"], ["1 erased again"])
        assert athlete(world.erased_id).name == "Erased athlete"
        assert comment_of(world) == NOTE
        with unit_of_work(COMMAND_LINE, read_only=True):
            assert Athlete.objects.count() == 2
            assert AuditEvent.objects.filter(action="erasure.execute", subject_id=world.erased_id).count() == 2
        assert verify_log(Scope(archive=True)).intact
    assert thin_out(newer.parent, days=0, keys_days=0).removed == []
    assert (newer / KEYS_PART).exists()
