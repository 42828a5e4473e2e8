"""Which model version plans: the champion, or one by name; read from the database, kept by the process.

A version that is missing or damaged never fails a plan: the shipped version answers, people are told.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from typing import Final

from common import clock
from common.alerts import Severity, raise_alert
from common.canonical import text_sha256
from modeling.learned.algorithm import SHIPPED, SHIPPED_ALGORITHM, DamagedDocument, LearnedAlgorithm, read_algorithm
from modeling.models import AlgorithmVersion, VersionStatus

logger = logging.getLogger("mesocycle.modeling")

ALERT: Final = "model-version-damaged"
KEPT: Final = 8
"""Versions that a process keeps: champion, candidate, and those of plans that are looked at."""

_kept: OrderedDict[tuple[str, str], LearnedAlgorithm] = OrderedDict()
_lock = threading.Lock()


def champion() -> LearnedAlgorithm:
    """Return the version that plans; the shipped one where none was promoted. One small query."""
    found = AlgorithmVersion.objects.filter(status=VersionStatus.CHAMPION).values_list("name", "sha256").first()
    return _version(*found) if found else SHIPPED_ALGORITHM


def champion_name() -> str:
    """Return the champion's name, also of one that is damaged; `SHIPPED` where none was promoted."""
    found = AlgorithmVersion.objects.filter(status=VersionStatus.CHAMPION).values_list("name", flat=True).first()
    return found or SHIPPED


def version_named(name: str) -> LearnedAlgorithm:
    """Return a version by name; the shipped one where there is none of this name, which is told."""
    if name == SHIPPED:
        return SHIPPED_ALGORITHM
    sha256 = AlgorithmVersion.objects.filter(name=name).values_list("sha256", flat=True).first()
    if sha256 is None:
        return _instead(name, "there is no such version")
    return _version(name, sha256)


def candidate_of(experiment_key: str) -> LearnedAlgorithm:
    """Return the version that an experiment tries; the champion where no version has this experiment, which is told."""
    rows = AlgorithmVersion.objects.filter(experiment_key=experiment_key).order_by("-id")
    found = rows.values_list("name", "sha256").first()
    if found is not None:
        return _version(*found)
    _tell(f"the experiment {experiment_key} has no version to try; the champion answers in its place", experiment_key)
    return champion()


def checked(row: AlgorithmVersion) -> LearnedAlgorithm:
    """Read a row's document.

    Raises:
        DamagedDocument: it is not what was stored, or cannot be read; says how.
    """
    found = text_sha256(row.document)
    if found != row.sha256:
        raise DamagedDocument(f"its SHA-256 is {found[:12]}…, stored was {row.sha256[:12]}…")
    try:
        document = json.loads(row.document)
    except ValueError as error:
        raise DamagedDocument(f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise DamagedDocument("no JSON object")
    return read_algorithm(row.name, document)


def forget() -> None:
    """Forget what the process keeps."""
    with _lock:
        _kept.clear()


def _version(name: str, sha256: str) -> LearnedAlgorithm:
    key = (name, sha256)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    row = AlgorithmVersion.objects.filter(name=name).first()
    if row is None:
        return _instead(name, "its row is gone")
    try:
        read = checked(row)
    except DamagedDocument as error:
        return _instead(name, str(error))
    except Exception as error:  # a part's reader that stumbles is a damaged document too
        return _instead(name, f"{type(error).__name__}: {error}")
    with _lock:
        _kept[key] = read
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return read


def _instead(name: str, why: str) -> LearnedAlgorithm:
    _tell(f"model version {name} cannot be used: {why}; the shipped version plans in its place", name)
    return SHIPPED_ALGORITHM


def _tell(text: str, about: str) -> None:
    raise_alert(ALERT, severity=Severity.CRITICAL, text=text[:500], dedupe_key=f"{about}:{clock.today()}")
