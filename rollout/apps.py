from django.apps import AppConfig


class RolloutConfig(AppConfig):
    """Who gets which feature; staged rollouts come later."""

    name = "rollout"

    def ready(self) -> None:
        from rollout import checks, erasing, events  # noqa: F401  (register system checks and audit events)

        erasing.register()
