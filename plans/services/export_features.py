"""The database as a feature store (E3, E4): what retraining reads, of athletes whose consent to training stands.

The service identity `feature-export` reads; months that did not change are left as they are. Whoever withdraws or is
erased is in no file once the next export is done, and withdrawing asks for one at once.
"""

from __future__ import annotations

import fcntl
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.models import Purpose
from accounts.scope import require
from audit.services import record
from common import clock
from common.alerts import Severity, raise_alert
from common.canonical import canonical_json, text_sha256
from common.context import register_service, unit_of_work
from common.errors import InvalidInput, WrongState
from common.ids import uuid7
from common.jobs import Job, enqueue
from modeling.training.contract import MANIFEST, SCHEMA_VERSION, TABLES
from plans.policies import Actor

if TYPE_CHECKING:
    from modeling.training.store_files import Manifest, Part, Place
    from plans.features.people import People

EXPORTER: Final = register_service("feature-export")
OPERATE: Final = "telemetry:operate"
FORGET: Final = "features.forget"
MATTERS: Final = frozenset({Purpose.TRAINING, Purpose.EXPERIMENTS})
_ARMS: Final = "consented_to_experiments"
_LOCK: Final = 0x6665_61747572
_HELD: Final = ".features.lock"
_THRESHOLDS: Final = (100_000, 50, 100)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Export:
    """What an export came to. rows: by table. written, kept, removed: files. athletes: whose consent stands."""

    as_of: datetime
    data_sha256: str
    rows: dict[str, int]
    written: int
    kept: int
    removed: int
    athletes: int
    seconds: float

    @property
    def changed(self) -> bool:
        """Return whether any file came or went."""
        return bool(self.written or self.removed)


def export_features(*, as_of: datetime | None = None, acting_user: Actor, progress: Progress | None = None) -> Export:
    """Bring the feature store up to date, and record it where that changed a file.

    Reads as the service `feature-export`, so call it outside a unit of work. Two exports wait for each other.

    Args:
        as_of: what was known then; now by default. Whose consent counts is decided now in either case.
        progress: told of each table: its name, how many are done, how many there are; it may not use the database.

    Raises:
        NotPermitted: the role may not operate telemetry.
        InvalidInput: `as_of` is to come, or has no time zone.
        WrongState: pyarrow is not installed.
        StoreError: the place cannot be reached or written; what was there can still be read.
    """
    require(acting_user, OPERATE)
    if as_of is not None and (as_of.tzinfo is None or as_of > clock.now()):
        raise InvalidInput("as_of is a moment with a time zone, and not one to come.", pointer="/as_of")
    started = time.perf_counter()
    with _one_at_a_time(), _cycles_sought_seldom(), unit_of_work(EXPORTER, read_only=True):
        _wait_for_others()
        made, before = _write(as_of, progress)
    done = _told(made, before, as_of, time.perf_counter() - started)
    if done.changed:
        with unit_of_work(acting_user):
            metadata = {"data_sha256": done.data_sha256, "rows": done.rows, "athletes": done.athletes}
            metadata |= {"written": done.written, "removed": done.removed, "as_of": done.as_of}
            record("features.export", target_id=uuid7(), metadata=metadata)
    return done


def ask_to_forget(athlete_id: UUID, purpose: str) -> None:
    """Have a store exported anew soon, since an athlete withdrew; in the transaction of the withdrawal."""
    if purpose in MATTERS:
        enqueue(FORGET, {})


def forget_in_features(job: Job) -> dict[str, Any]:
    """Export anew where the store still holds somebody, or an arm of somebody, whose consent does not stand.

    Raises:
        StoreError, WrongState: as `export_features`; the nightly export does it again.
    """
    if not _needs_forgetting():
        return {"exported": False}
    done = export_features(acting_user=EXPORTER)
    return {"exported": True, "written": done.written, "removed": done.removed}


def tell_not_forgotten(job: Job, why: str) -> None:
    """Alert the team: somebody withdrew and is still in the feature store."""
    text = f"Somebody withdrew their consent, and the feature store could not be exported anew: {why[:300]}"
    raise_alert("feature store", severity=Severity.CRITICAL, text=text, dedupe_key=f"features:{clock.today()}")


def _write(as_of: datetime | None, progress: Progress | None) -> tuple[Manifest, Manifest | None]:
    from modeling.training.store_files import write_manifest
    from plans.features.people import people_now
    from plans.features.tables import export_table

    place, moment = open_place(), clock.now()
    before = _before(place)
    sound = _sound_parts(place, before)
    who = people_now(as_of or moment)
    parts: dict[str, list[Part]] = {}
    for number, (name, table) in enumerate(TABLES.items(), start=1):
        parts[name] = export_table(place, table, who, sound.get(name, {}))
        if progress:
            progress(name, number, len(TABLES))
    tokens, notes = who.athletes.values(), {_ARMS: _arms(who)}
    return write_manifest(place, parts, exported_at=moment, as_of=as_of, consented=tokens, notes=notes), before


def open_place() -> Place:
    """Return where `FEATURE_STORE_URL` points.

    Raises:
        WrongState: pyarrow is not installed.
        StoreError: it is no place.
    """
    try:
        from modeling.training.store_files import Place

        return Place(settings.FEATURE_STORE_URL)
    except ImportError as error:
        raise WrongState("The feature store needs pyarrow, which is not installed: install [ml].") from error


def _before(place: Place) -> Manifest | None:
    """Return what is there, None where nothing is or nothing that this code can read: then all is made anew."""
    from modeling.training.store_files import DamagedStore, EmptyStore, read_manifest

    try:
        return read_manifest(place)
    except (EmptyStore, DamagedStore):
        return None


def _sound_parts(place: Place, before: Manifest | None) -> dict[str, dict[str, Part]]:
    """Return the files by table and month that are there and hold what they should; others are made anew."""
    from modeling.training.store_files import sha256_of

    sound: dict[str, dict[str, Part]] = {}
    for name, parts in before.parts.items() if before else ():
        for part in parts:
            try:
                if sha256_of(place.read(part.path)) == part.sha256:
                    sound.setdefault(name, {})[part.month] = part
            except FileNotFoundError:
                continue
    return sound


def _needs_forgetting() -> bool:
    """Return whether there is a store in which somebody would stay who may not."""
    from plans.features.people import people_now

    url = settings.FEATURE_STORE_URL
    if urlsplit(url).scheme != "s3" and not (Path(url) / f"schema={SCHEMA_VERSION}" / MANIFEST).exists():
        return False
    there = _before(open_place())
    with unit_of_work(EXPORTER, read_only=True):
        who = people_now(clock.now())
    if there is None:
        return True
    return not there.consented <= set(who.athletes.values()) or there.notes.get(_ARMS) != _arms(who)


def _arms(who: People) -> str:
    """Return the SHA-256 over the tokens of those whose arms may be told."""
    return text_sha256(canonical_json(sorted(who.athletes[pk] for pk in who.in_experiments & who.athletes.keys())))


def _told(made: Manifest, before: Manifest | None, as_of: datetime | None, seconds: float) -> Export:
    now, was = made.paths(), before.paths() if before else set()
    return Export(
        as_of=as_of or made.exported_at,
        data_sha256=made.data_sha256(),
        rows=made.rows(),
        written=len(now - was),
        kept=len(now & was),
        removed=len(was - now),
        athletes=len(made.consented),
        seconds=round(seconds, 2),
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """One export at a time on this machine; the lock goes with the process that held it."""
    folder = Path(settings.VAR_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _HELD).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _cycles_sought_seldom() -> Iterator[None]:
    """Documents and rows go as they came, without cycles; looking for some made reading them four times slower."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _wait_for_others() -> None:
    """One export at a time on all machines: what is read after the wait is of after it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
