from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, versions, review; puts the lower floors together."""

    name = "plans"

    def ready(self) -> None:
        from accounts.backends import OBJECT_PERMISSIONS
        from accounts.scope import REACH
        from plans import errors, events, jobs, notices, reconciliation  # noqa: F401  (register problems, events, jobs, …)
        from plans.api import browsable  # noqa: F401  (register the pages of the browsable API)
        from plans.policies import athletes_of_shared_plans, may_see_plan
        from plans.services import share_plan  # noqa: F401  (registers the kind of grant)

        OBJECT_PERMISSIONS.register("plans.view_plan", may_see_plan)
        REACH.register("shared plans", athletes_of_shared_plans)
        reconciliation.register()
