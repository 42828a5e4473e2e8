"""Overrides, groups, kill; a token that triggers change with every change, also one made with SQL."""

import common.clock
import common.ids
import django.db.models.deletion
import simple_history.models
import uuid
from django.conf import settings
from django.db import migrations, models

from common.db_operations import AppendOnly


WATCHED = ("rollout_flag", "rollout_flag_allow_groups", "user_overrides", "flag_groups", "flag_group_members")
SQLITE_TOKEN = "lower(hex(randomblob(16)))"


def watch(apps, schema_editor):
    """Count every change; make `kill_flag` for whoever has the database and not the application."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION flags_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
            "SET search_path = public, pg_temp AS "
            "$$ BEGIN UPDATE flag_version SET token = gen_random_uuid()::text; RETURN NULL; END $$"
        )
        schema_editor.execute(
            "CREATE OR REPLACE FUNCTION kill_flag(flag text) RETURNS integer LANGUAGE sql AS "
            "$$ WITH killed AS (UPDATE rollout_flag SET killed_at = now() WHERE name = flag RETURNING 1) "
            "SELECT count(*)::integer FROM killed $$"
        )
        for table in WATCHED:
            schema_editor.execute(
                f"CREATE TRIGGER flags_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION flags_changed()"
            )
        return
    for table in WATCHED:
        for event in ("INSERT", "UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER flags_changed_{event.lower()}_{table} AFTER {event} ON {table} "
                f"BEGIN UPDATE flag_version SET token = {SQLITE_TOKEN}; END"
            )


def unwatch(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in WATCHED:
            schema_editor.execute(f"DROP TRIGGER IF EXISTS flags_changed ON {table}")
        schema_editor.execute("DROP FUNCTION IF EXISTS flags_changed()")
        schema_editor.execute("DROP FUNCTION IF EXISTS kill_flag(text)")
        return
    for table in WATCHED:
        for event in ("insert", "update", "delete"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS flags_changed_{event}_{table}")


def first_token(apps, schema_editor):
    apps.get_model("rollout", "FlagVersion").objects.get_or_create(id=1, defaults={"token": "first"})


class Migration(migrations.Migration):

    dependencies = [
        ('rollout', '0002_append_only'),
    ]

    operations = [
        migrations.CreateModel(
            name='FlagGroup',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('name', models.SlugField(max_length=60, unique=True)),
                ('description', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'db_table': 'flag_groups',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='flag',
            name='admin_override',
            field=models.BooleanField(blank=True, default=None, help_text='On or off for everybody.', null=True),
        ),
        migrations.AddField(
            model_name='flag',
            name='killed_at',
            field=models.DateTimeField(blank=True, help_text='Off for everybody, above everything.', null=True),
        ),
        migrations.AddField(
            model_name='historicalflag',
            name='admin_override',
            field=models.BooleanField(blank=True, default=None, help_text='On or off for everybody.', null=True),
        ),
        migrations.AddField(
            model_name='historicalflag',
            name='killed_at',
            field=models.DateTimeField(blank=True, help_text='Off for everybody, above everything.', null=True),
        ),
        migrations.AddField(
            model_name='flag',
            name='allow_groups',
            field=models.ManyToManyField(blank=True, related_name='flags', to='rollout.flaggroup'),
        ),
        migrations.CreateModel(
            name='FlagVersion',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('token', models.CharField(max_length=36)),
            ],
            options={
                'db_table': 'flag_version',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='flag_version_is_one_row')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalUserOverride',
            fields=[
                ('id', models.UUIDField(db_index=True, default=common.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('subject_id', models.UUIDField(help_text='The athlete for plan.* flags, the signed-in user for ui.* flags.')),
                ('value', models.BooleanField()),
                ('reason', models.CharField(max_length=300)),
                ('expires_at', models.DateTimeField()),
                ('set_by_id', models.UUIDField(editable=False)),
                ('history_user_id', models.UUIDField(blank=True, null=True)),
                ('history_id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('flag', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.WAFFLE_FLAG_MODEL)),
            ],
            options={
                'verbose_name': 'historical user override',
                'verbose_name_plural': 'historical user overrides',
                'db_table': 'user_overrides_history',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='FlagGroupMember',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('subject_id', models.UUIDField()),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='rollout.flaggroup')),
            ],
            options={
                'db_table': 'flag_group_members',
                'constraints': [models.UniqueConstraint(fields=('group', 'subject_id'), name='one_membership_a_flag_group')],
            },
        ),
        migrations.CreateModel(
            name='UserOverride',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('subject_id', models.UUIDField(help_text='The athlete for plan.* flags, the signed-in user for ui.* flags.')),
                ('value', models.BooleanField()),
                ('reason', models.CharField(max_length=300)),
                ('expires_at', models.DateTimeField()),
                ('set_by_id', models.UUIDField(editable=False)),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to=settings.WAFFLE_FLAG_MODEL)),
            ],
            options={
                'db_table': 'user_overrides',
                'constraints': [models.UniqueConstraint(fields=('flag', 'subject_id'), name='one_override_a_flag_and_subject')],
            },
        ),
        migrations.RunPython(first_token, migrations.RunPython.noop),
        migrations.RunPython(watch, unwatch),
        AppendOnly("user_overrides_history"),
    ]
