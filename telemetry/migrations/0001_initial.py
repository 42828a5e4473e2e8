from django.db import migrations, models

import common.clock
import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("type", models.CharField(max_length=100)),
                ("aggregate_id", models.UUIDField()),
                ("partition", models.PositiveSmallIntegerField()),
                ("data", models.JSONField()),
                ("occurred_at", models.DateTimeField(default=common.clock.now)),
                ("published_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "telemetry_outbox",
                "indexes": [
                    models.Index(
                        condition=models.Q(("published_at__isnull", True)),
                        fields=["partition", "id"],
                        name="telemetry_outbox_waiting",
                    ),
                    models.Index(fields=["type", "occurred_at"], name="telemetry_outbox_by_type"),
                ],
            },
        ),
    ]
