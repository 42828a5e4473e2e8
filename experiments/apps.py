from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Who gets which variant, and what came of it."""

    name = "experiments"

    def ready(self) -> None:
        from experiments import erasing, events  # noqa: F401  (register audit events)

        erasing.register()
