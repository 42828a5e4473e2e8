"""The app of `tests.support.faulty`."""

from __future__ import annotations

from django.apps import AppConfig


class Planting(AppConfig):
    """Plants the fault."""

    name = "tests.support"
    label = "planting"

    def ready(self) -> None:
        from tests.support.faulty import plant

        plant()
