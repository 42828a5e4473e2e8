from django.apps import AppConfig


class RolloutConfig(AppConfig):
    """Who gets which feature: flags and staged rollouts."""

    name = "rollout"

    def ready(self) -> None:
        from common.alerts import DELIVERIES, GROUPS, SINKS
        from common.health import HEALTH
        from rollout import (  # noqa: F401  (register checks, audit events and notices)
            checks,
            erasing,
            events,
            monitored,
            notices,
            reconciliation,
            words,
        )
        from rollout.selectors import staleness
        from rollout.services.messages import deliveries_of, groups_with_addresses, tell_alert

        SINKS.register("stakeholders", tell_alert)
        DELIVERIES.register("stakeholders", deliveries_of)
        GROUPS.register("stakeholders", groups_with_addresses)
        monitored.register()
        erasing.register()
        erasing.register_retention()
        reconciliation.register()
        words.register()
        HEALTH.register("flags", staleness)
