from django.apps import AppConfig


class ModelingConfig(AppConfig):
    """The athlete as numbers: activities, tests, thresholds, fits, predictions."""

    name = "modeling"

    def ready(self) -> None:
        from modeling import erasing, events, jobs, words  # noqa: F401  (register audit events and job handlers)

        erasing.register()
        erasing.register_retention()
        words.register()
