from django.apps import AppConfig


class RolloutConfig(AppConfig):
    """Who gets which feature: flags and staged rollouts."""

    name = "rollout"

    def ready(self) -> None:
        from common.alerts import SINKS
        from common.health import HEALTH
        from rollout import (  # noqa: F401  (register checks, audit events and notices)
            checks,
            erasing,
            events,
            notices,
            reconciliation,
        )
        from rollout.selectors import staleness
        from rollout.services.messages import tell_alert

        SINKS.register("stakeholders", tell_alert)
        erasing.register()
        erasing.register_retention()
        reconciliation.register()
        HEALTH.register("flags", staleness)
