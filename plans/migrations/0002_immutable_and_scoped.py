"""Versions, sessions and the head's history are append-only; every table with an athlete has row-level security."""

from django.db import migrations

from common.db_operations import AppendOnly, RowLevelSecurity

SCOPED = ["plans", "plans_history", "plan_versions", "plan_sessions", "plan_generations"]
IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial"), ("accounts", "0002_row_level_security")]

    operations = [
        *(AppendOnly(table) for table in ("plan_versions", "plan_sessions", "plans_history")),
        *(RowLevelSecurity(table, IN_SCOPE) for table in SCOPED),
    ]
