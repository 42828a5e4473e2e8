from django.db import migrations, models

import common.clock
import common.ids
import common.models.base
from common.db_operations import AppendOnly


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("occurred_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("actor_id", models.UUIDField(editable=False, null=True)),
                ("actor_role", models.CharField(editable=False, max_length=64)),
                ("action", models.CharField(editable=False, max_length=64)),
                ("target_type", models.CharField(editable=False, max_length=64)),
                ("target_id", models.UUIDField(editable=False, null=True)),
                ("subject_id", models.UUIDField(editable=False, null=True)),
                ("linked_event_id", models.UUIDField(editable=False, null=True)),
                ("request_id", models.UUIDField(editable=False)),
                ("metadata_json", models.JSONField(default=dict, editable=False)),
                ("origin_ip", common.models.base.CiphertextField(null=True)),
                ("user_agent", common.models.base.CiphertextField(null=True)),
            ],
            options={
                "db_table": "audit_events",
                "indexes": [
                    models.Index(fields=["actor_id", "-id"], name="audit_events_by_actor"),
                    models.Index(fields=["subject_id", "-id"], name="audit_events_by_subject"),
                    models.Index(fields=["target_id", "-id"], name="audit_events_by_target"),
                    models.Index(fields=["action", "-id"], name="audit_events_by_action"),
                    models.Index(fields=["occurred_at"], name="audit_events_by_time"),
                    models.Index(fields=["request_id"], name="audit_events_by_request"),
                ],
            },
        ),
        AppendOnly("audit_events"),
    ]
