"""The build of every night: whoever reads marts in the morning learns, by their age and an alert, where it failed."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Final

from django.conf import settings

from common import clock
from common.alerts import Severity, raise_alert
from common.errors import WrongState
from telemetry.warehousing.build import Outcome, build

logger = logging.getLogger("mesocycle.warehouse")

_MOST_NAMES: Final = 5


def build_daily() -> Outcome | None:
    """Build and publish; None where there is nothing to build from, or it could not be begun, which is told."""
    if next(iter(Path(settings.TELEMETRY_DIR).glob("type=*/day=*/*.parquet")), None) is None:
        return None  # no event was published yet
    if importlib.util.find_spec("dbt") is None or importlib.util.find_spec("duckdb") is None:
        logger.warning("the warehouse is not built: the extra [warehouse] is not installed")
        return None
    try:
        done = build()
    except WrongState:  # somebody builds by hand
        logger.info("the warehouse is being built already")
        return None
    except Exception as error:
        logger.exception("the warehouse was not built")
        _tell(f"The warehouse was not built ({type(error).__name__}); dashboards keep the numbers that they had.")
        return None
    if done.bad:
        names = [one.name for one in done.bad if one.status != "skipped"]
        shown = ", ".join(names[:_MOST_NAMES])
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        _tell(f"The warehouse was not published: {shown}{more} failed. Dashboards keep the numbers that they had.")
    return done


def _tell(text: str) -> None:
    raise_alert("warehouse", severity=Severity.WARNING, text=text, dedupe_key=f"warehouse:{clock.today()}")
