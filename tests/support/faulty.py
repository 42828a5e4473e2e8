"""Settings of a server whose model pipelines fail while a file exists: a fault planted inside the product."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from config.settings.test import *  # noqa: F403

FLAGS_REFRESH = "thread"
FAULT = Path(os.environ["PLANTED_FAULT"])


def plant() -> None:
    """Make every pipeline but the template raise while the file is there; called once the apps are loaded."""
    from plans.pipelines import registry

    def failing(real: Any) -> Any:
        def pipeline(*args: Any, **kwargs: Any) -> Any:
            if FAULT.exists():
                raise ZeroDivisionError("planted")
            return real(*args, **kwargs)

        return pipeline

    for name, real in registry.PIPELINES.items():
        if name != "template":
            registry.PIPELINES[name] = failing(real)


INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.planting.Planting"]  # noqa: F405
