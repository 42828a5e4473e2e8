"""The order of commits on every event, and the sealed log: leaves, inner nodes, signed tree heads.

`audit_commit_order()` is the id of the writing transaction, `audit_commit_horizon()` the one below which every
transaction has ended. Both carry an offset, 0 here: transaction ids start anew on another server, and
`manage.py audit rebase` raises the offset after a restore, so that the order goes on.
"""

from django.db import migrations, models

import audit.models
import common.models.base
from common.db_operations import AppendOnly

FUNCTIONS = """
CREATE OR REPLACE FUNCTION audit_commit_offset() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 0::bigint $$;

CREATE OR REPLACE FUNCTION audit_commit_order() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_current_xact_id()::text::bigint + audit_commit_offset() $$;

CREATE OR REPLACE FUNCTION audit_commit_horizon() RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + audit_commit_offset() $$;

ALTER TABLE audit_events ALTER COLUMN xact_id SET DEFAULT audit_commit_order();
"""
DROP = """
ALTER TABLE audit_events ALTER COLUMN xact_id DROP DEFAULT;
DROP FUNCTION audit_commit_horizon(); DROP FUNCTION audit_commit_order(); DROP FUNCTION audit_commit_offset();
"""


def on_postgres(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


def guard_events_again(apps, schema_editor):
    AppendOnly("audit_events").database_forwards("audit", schema_editor, None, None)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        # First here is last on the way back, which must leave the events as guarded as it found them.
        migrations.RunPython(migrations.RunPython.noop, guard_events_again),
        # Events from before get 0: they are sealed first, by id.
        migrations.AddField(
            model_name="auditevent",
            name="xact_id",
            field=audit.models.CommitOrderField(default=0, editable=False),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["xact_id", "id"], name="audit_events_to_seal"),
        ),
        AppendOnly("audit_events"),  # SQLite rebuilt the table and lost the triggers
        migrations.RunPython(on_postgres(FUNCTIONS), on_postgres(DROP)),
        migrations.CreateModel(
            name="AuditLeaf",
            fields=[
                ("leaf_index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.UUIDField(unique=True)),
                ("leaf_hash", common.models.base.CiphertextField()),
                ("mac", common.models.base.CiphertextField()),
            ],
            options={"db_table": "audit_leaves"},
        ),
        migrations.CreateModel(
            name="AuditNode",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "position", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.PositiveSmallIntegerField()),
                ("position", models.BigIntegerField()),
                ("node_hash", common.models.base.CiphertextField()),
            ],
            options={"db_table": "audit_nodes"},
        ),
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("tree_size", models.BigIntegerField(unique=True)),
                ("root_hash", common.models.base.CiphertextField()),
                ("sealed_at", models.DateTimeField()),
                ("previous_hash", common.models.base.CiphertextField()),
                ("key_version", models.PositiveIntegerField()),
                ("key_id", models.CharField(max_length=64)),
                ("signature", common.models.base.CiphertextField()),
                ("peaks", common.models.base.CiphertextField()),
                ("last_xact_id", models.BigIntegerField()),
                ("last_event_id", models.UUIDField()),
            ],
            options={
                "db_table": "audit_seals",
                "indexes": [models.Index(fields=["sealed_at"], name="audit_seals_by_time")],
            },
        ),
        *(AppendOnly(table) for table in ("audit_leaves", "audit_nodes", "audit_seals")),
    ]
