from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, versions, review; puts the lower floors together."""

    name = "plans"

    def ready(self) -> None:
        from plans import events, jobs  # noqa: F401  (register audit and telemetry events and job handlers)
