"""Row-level security on every table with an athlete (PostgreSQL)."""

from django.db import migrations

from common.db_operations import RowLevelSecurity

TABLES = ["modeling_activity", "modeling_test", "modeling_testproposal", "modeling_threshold", "modeling_fit"]
IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):
    dependencies = [("modeling", "0001_initial"), ("accounts", "0002_row_level_security")]

    operations = [RowLevelSecurity(table, IN_SCOPE) for table in TABLES]
