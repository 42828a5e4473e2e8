from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, versions, review; puts the lower floors together."""

    name = "plans"

    def ready(self) -> None:
        from plans import errors, events, jobs, notices  # noqa: F401  (register problems, events, jobs, notifications)
