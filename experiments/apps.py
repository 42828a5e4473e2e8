from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Variants and their analysis; empty until experiments are built."""

    name = "experiments"
