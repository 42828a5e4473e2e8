from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The athlete as a person: users, roles, teams, links, consent."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import events, reconciliation, schema  # noqa: F401  (register audit events, authentication)
        from accounts.access import matrix_grants, subjects_of
        from accounts.services import notify  # noqa: F401  (registers the job that sends mail)
        from audit.policies import OWN_SUBJECTS
        from common.admin import ACCESS

        ACCESS.register("matrix", matrix_grants)
        OWN_SUBJECTS.register("accounts", subjects_of)
        reconciliation.register()
