"""The hashed document of a version in a table of its own; the sessions of a day in the same order in every version."""

import django.db.models.deletion
from django.db import migrations, models

import common.clock
import common.ids
from common.db_operations import AppendOnly, RowLevelSecurity

IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_notifications"), ("plans", "0002_immutable_and_scoped")]

    operations = [
        migrations.AlterModelOptions(name="plansession", options={"ordering": ["day", "session_id"]}),
        migrations.CreateModel(
            name="PlanContent",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("document", models.TextField()),
                (
                    "athlete",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.athlete"
                    ),
                ),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="content", to="plans.planversion"
                    ),
                ),
            ],
            options={"db_table": "plan_contents"},
        ),
        AppendOnly("plan_contents"),
        RowLevelSecurity("plan_contents", IN_SCOPE),
    ]
