"""Facts streamed out, without personal data."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """The outbox of events; imports only `common`."""

    name = "telemetry"
