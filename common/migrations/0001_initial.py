from django.db import migrations, models

import common.clock
import common.ids
import common.models.base


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("key", models.CharField(max_length=255)),
                ("user_id", models.UUIDField()),
                ("method", models.CharField(max_length=10)),
                ("path", models.CharField(max_length=500)),
                ("body_sha256", models.CharField(max_length=64)),
                ("status", models.CharField(default="running", max_length=16)),
                ("response_status", models.PositiveSmallIntegerField(null=True)),
                ("response_headers", models.JSONField(default=dict)),
                ("response_body", common.models.base.CiphertextField(null=True)),
            ],
            options={
                "db_table": "idempotency_keys",
                "indexes": [models.Index(fields=["created_at"], name="idempotency_keys_by_age")],
                "constraints": [models.UniqueConstraint(fields=("user_id", "key"), name="idempotency_key_once_a_user")],
            },
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("kind", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("progress", models.PositiveSmallIntegerField(default=0)),
                ("progress_note", models.CharField(blank=True, default="", max_length=200)),
                ("payload", models.JSONField(default=dict)),
                ("result", models.JSONField(blank=True, null=True)),
                ("problem", models.JSONField(blank=True, null=True)),
                ("requested_by_id", models.UUIDField(blank=True, null=True)),
                ("subject_id", models.UUIDField(blank=True, null=True)),
                ("request_id", models.UUIDField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("worker", models.CharField(blank=True, default="", max_length=200)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "jobs",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=["lease_until"],
                        name="jobs_unfinished",
                    ),
                    models.Index(fields=["requested_by_id", "-id"], name="jobs_by_person"),
                    models.Index(fields=["subject_id", "kind", "-id"], name="jobs_by_subject"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("progress__lte", 100)), name="jobs_progress_is_a_percentage"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["queued", "running", "done", "failed"])),
                        name="jobs_state_is_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("problem__isnull", False), ("state", "failed")),
                            models.Q(models.Q(("state", "failed"), _negated=True), ("problem__isnull", True)),
                            _connector="OR",
                        ),
                        name="jobs_failed_has_a_problem",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RequestRollup",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("minute", models.DateTimeField()),
                ("route", models.CharField(max_length=200)),
                ("method", models.CharField(max_length=10)),
                ("status_class", models.CharField(max_length=3)),
                ("count", models.PositiveIntegerField()),
                ("latency", models.JSONField(default=dict)),
            ],
            options={
                "db_table": "request_rollups",
                "indexes": [models.Index(fields=["minute", "route"], name="request_rollups_by_minute")],
            },
        ),
        migrations.CreateModel(
            name="SubjectKey",
            fields=[
                ("id", models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("created_at", models.DateTimeField(default=common.clock.now, editable=False)),
                ("subject_id", models.UUIDField(unique=True)),
                ("version", models.PositiveSmallIntegerField()),
                ("wrapped_key", common.models.base.CiphertextField()),
                ("destroyed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "subject_keys",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("destroyed_at__isnull", True), ("wrapped_key", b""), _connector="OR"),
                        name="subject_keys_destroyed_is_empty",
                    )
                ],
            },
        ),
    ]
