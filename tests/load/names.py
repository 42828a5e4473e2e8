"""Who logs in: names that the templates, the clients and the lists share."""

from __future__ import annotations

from typing import Final

DOMAIN: Final = "load.mesocycle.example"
PASSWORD: Final = "mesocycle-load"
DEMO_DOMAIN: Final = "demo.mesocycle.example"
DEMO_PASSWORD: Final = "mesocycle-demo"
