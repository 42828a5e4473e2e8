"""The feature store as the pages read it: once for each export, kept in the process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext

from common import clock
from modeling.training.exposed import Exposures, exposures

EXPORT: Final = "python manage.py features export"


class NoStore(Exception):
    """There is nothing to read. command: what makes it."""

    def __init__(self, title: str, what: str, command: str) -> None:
        self.title, self.what, self.command = title, what, command
        super().__init__(title)


@dataclass(frozen=True)
class Reading:
    """What coaches looked at, of one export; data_sha256: of its files."""

    of: Exposures
    data_sha256: str
    read_at: datetime


_lock = Lock()
_kept: dict[str, Reading] = {}


def open_store() -> Any:
    """Open the feature store.

    Raises:
        NoStore: it was never exported, it is damaged, or what reads it is not installed.
    """
    try:
        from modeling.training.store import FeatureStore, StoreError
    except ImportError as error:
        raise NoStore(
            gettext("What reads the feature store is not installed here"),
            "It is read with DuckDB and pyarrow, which the extra [ml] brings. Install it where the pages are served:",
            "pip install 'mesocycle[ml]'",
        ) from error
    try:
        return FeatureStore.open(settings.FEATURE_STORE_URL)
    except StoreError as error:
        raise NoStore(gettext("Nothing has been exported yet"), f"{error} To export it now:", EXPORT) from error


def reading() -> Reading:
    """Return what coaches looked at; read anew where the store changed.

    Raises:
        NoStore: as `open_store`.
    """
    store = open_store()
    sha = str(store.data_sha256())
    with _lock:
        if sha not in _kept:
            with _connected(store) as opened:
                found = exposures(opened)
            _kept.clear()
            _kept[sha] = Reading(found, sha, clock.now())
        return _kept[sha]


@contextmanager
def connection() -> Iterator[Any]:
    """Open the store's views for questions of one's own, and close them afterwards.

    Raises:
        NoStore: as `open_store`.
    """
    with _connected(open_store()) as opened:
        yield opened


@contextmanager
def _connected(store: Any) -> Iterator[Any]:
    from modeling.training.store import StoreError

    try:
        opened = store.connect(as_of=clock.now())
    except StoreError as error:
        raise NoStore("What was exported cannot be read", f"{error} To export it anew:", EXPORT) from error
    try:
        yield opened
    finally:
        opened.close()
