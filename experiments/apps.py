from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    """Who gets which variant, and what came of it."""

    name = "experiments"

    def ready(self) -> None:
        from common.sampling import CACHES, remembered
        from experiments import erasing, events, words  # noqa: F401  (register audit events)
        from experiments.blocks import arrangement

        erasing.register()
        words.register()
        CACHES.register("experiment blocks", remembered(arrangement))
