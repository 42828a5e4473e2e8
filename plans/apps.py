from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, versions, review; puts the lower floors together."""

    name = "plans"

    def ready(self) -> None:
        from plans import events, jobs, notices  # noqa: F401  (register events, job handlers and notifications)
