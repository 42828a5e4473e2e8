from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The athlete as a person: users, roles, teams, links, consent."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import events, schema  # noqa: F401  (register audit events and the API's authentication)
        from accounts.access import matrix_grants
        from accounts.services import notify  # noqa: F401  (registers the job that sends mail)
        from common.admin import ACCESS

        ACCESS.register("matrix", matrix_grants)
