from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, versions, review; puts the lower floors together."""

    name = "plans"

    def ready(self) -> None:
        from accounts.backends import OBJECT_PERMISSIONS
        from accounts.scope import REACH
        from audit.reading import FIELD_CHANGES
        from plans import (  # noqa: F401  (register problems, …)
            erasing,
            errors,
            events,
            jobs,
            measures,
            monitored,
            notices,
            reconciliation,
            variants,
            words,
        )
        from plans.admin.plan_history import changes_of_events
        from plans.api import browsable  # noqa: F401  (register the pages of the browsable API)
        from plans.policies import athletes_of_shared_plans, may_see_plan
        from plans.services import (  # noqa: F401  (two register the kinds of grant, of mail)
            share_plan,
            tell_reports,
            version_evidence,
        )

        OBJECT_PERMISSIONS.register("plans.view_plan", may_see_plan)
        REACH.register("shared plans", athletes_of_shared_plans)
        FIELD_CHANGES.register("plans", changes_of_events)
        measures.register()
        monitored.register()
        variants.register()
        words.register()
        version_evidence.register()
        reconciliation.register()
        erasing.register()
        erasing.register_retention()
