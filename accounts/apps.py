from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """The athlete as a person: users, roles, teams, links, consent."""

    name = "accounts"

    def ready(self) -> None:
        from accounts import backup, erasing, errors, events, notices, reconciliation, schema  # noqa: F401  (register by import)
        from accounts.access import AuditPeople, matrix_grants, subjects_of
        from accounts.holds import held_people
        from accounts.metrics import reach_of
        from accounts.services import notify, passwords  # noqa: F401  (register the jobs that send mail)
        from accounts.services.break_glass import open_glass_of, record_reading
        from audit.policies import EXCEPTIONS, OWN_SUBJECTS, READINGS
        from audit.reading import PEOPLE
        from common.admin import ACCESS
        from common.retention import HELD
        from telemetry.dashboards.reach import REACHES

        ACCESS.register("matrix", matrix_grants)
        OWN_SUBJECTS.register("accounts", subjects_of)
        EXCEPTIONS.register("accounts", open_glass_of)
        READINGS.register("accounts", record_reading)
        PEOPLE.register("accounts", AuditPeople())
        HELD.register("accounts", held_people)
        REACHES.register("accounts", reach_of)
        reconciliation.register()
        erasing.register()
        erasing.register_retention()
        backup.register()
