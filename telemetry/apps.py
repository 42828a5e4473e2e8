"""Facts streamed out, without personal data."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """The outbox of events and its relay; imports only `audit` and `common`."""

    name = "telemetry"

    def ready(self) -> None:
        """Register what is written into the audit log, our own type of event, and how long events wait."""
        from audit.events import register
        from common.health import HEALTH
        from telemetry.events import register as register_event
        from telemetry.forgetting import FORGOTTEN
        from telemetry.lag import lag

        register(
            "telemetry.retry",
            target_type="telemetry_event",
            metadata=frozenset({"type", "attempts", "why_dead", "reason"}),
        )
        register_event(
            "service.measured",
            data=frozenset({"hour", "route", "method", "requests", "client_errors", "server_errors", "latency"}),
        )
        register("telemetry.forget", target_type="telemetry_forgetting", metadata=frozenset({"scope"}))
        register_event(FORGOTTEN, data=frozenset({"tokens"}), person_aggregate=True)
        HEALTH.register("telemetry", lag)
