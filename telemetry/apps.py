"""Facts streamed out, without personal data."""

from __future__ import annotations

from django.apps import AppConfig


class TelemetryConfig(AppConfig):
    """The outbox of events and its relay; imports only `audit` and `common`."""

    name = "telemetry"

    def ready(self) -> None:
        """Register what people do here for the audit log, our own event, how long events wait, what may be watched."""
        from audit.events import register
        from common import retention
        from common.health import HEALTH
        from common.log_context import PSEUDONYMS
        from common.partitioning.tables import may_partition
        from telemetry import backup, monitored, words
        from telemetry.events import register as register_event
        from telemetry.forgetting import FORGOTTEN
        from telemetry.lag import lag
        from telemetry.models import AvailabilityProbe
        from telemetry.services.observe import OBSERVATIONS, OBSERVED
        from telemetry.tokens import person_token

        register(
            "telemetry.retry",
            target_type="telemetry_event",
            metadata=frozenset({"type", "attempts", "why_dead", "reason"}),
        )
        register_event(
            "service.measured",
            data=frozenset({"hour", "route", "method", "requests", "client_errors", "server_errors", "latency"}),
        )
        register_event(OBSERVED, data=OBSERVATIONS)
        register("telemetry.forget", target_type="telemetry_forgetting", metadata=frozenset({"scope"}))
        register_event(FORGOTTEN, data=frozenset({"tokens"}), person_aggregate=True)
        changed = frozenset({"name", "changes"})
        silenced = frozenset({"name", "until", "reason"})
        for action, target_type, metadata in (
            ("telemetry.alert_rule.added", "alert_rule", changed),
            ("telemetry.alert_rule.changed", "alert_rule", changed),
            ("telemetry.alert_rule.silenced", "alert_rule", silenced),
            ("telemetry.alert_rule.unsilenced", "alert_rule", frozenset({"name"})),
            ("telemetry.alert.acknowledged", "alert", frozenset({"name", "label"})),
            ("telemetry.channel.tested", "alert_notice", frozenset({"group"})),
        ):
            register(action, target_type=target_type, metadata=metadata)
        may_partition("telemetry_outbox", "written once, published within seconds, gone after 90 days: by time alone")
        why = "whether the service answered, without a person; as long as its requests"
        retention.keeps(AvailabilityProbe, "request_rollups", "minute", why)
        HEALTH.register("telemetry", lag)
        PSEUDONYMS.register("person", person_token)
        monitored.register()
        words.register()
        backup.register()
