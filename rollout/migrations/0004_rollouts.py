"""Staged rollouts: runs and their steps, outcomes of both arms, approvals, incidents."""

import common.clock
import common.ids
import django.db.models.deletion
import rollout.lifecycle
import simple_history.models
import uuid
from django.conf import settings

from common.db_operations import AppendOnly, RowLevelSecurity
from django.db import migrations, models


APPEND_ONLY = (
    "rollouts_history",
    "rollout_steps",
    "rollout_checks",
    "rollout_approvals_history",
    "rollout_incidents_history",
    "rollout_incident_entries",
)
IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"


def watch_again(apps, schema_editor):
    """SQLite rebuilt the table for its new columns and lost the triggers that count every change."""
    if schema_editor.connection.vendor == "postgresql":
        return
    for event in ("INSERT", "UPDATE", "DELETE"):
        schema_editor.execute(
            f"CREATE TRIGGER IF NOT EXISTS flags_changed_{event.lower()}_rollout_flag AFTER {event} ON rollout_flag "
            "BEGIN UPDATE flag_version SET token = lower(hex(randomblob(16))); END"
        )


def guard_what_shipped(apps, schema_editor):
    """Plans' flags that were seeded before there was a second person."""
    apps.get_model("rollout", "Flag").objects.filter(name__startswith="plan.").update(guarded=True)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_governance'),
        ('rollout', '0003_overrides_and_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='flag',
            name='guarded',
            field=models.BooleanField(default=False, editable=False, help_text='Whatever reaches more people needs a second person.'),
        ),
        migrations.AddField(
            model_name='flag',
            name='rollout_id',
            field=models.UUIDField(blank=True, editable=False, help_text='The run that moves it now.', null=True),
        ),
        migrations.AddField(
            model_name='flag',
            name='rollout_stage',
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name='historicalflag',
            name='guarded',
            field=models.BooleanField(default=False, editable=False, help_text='Whatever reaches more people needs a second person.'),
        ),
        migrations.AddField(
            model_name='historicalflag',
            name='rollout_id',
            field=models.UUIDField(blank=True, editable=False, help_text='The run that moves it now.', null=True),
        ),
        migrations.AddField(
            model_name='historicalflag',
            name='rollout_stage',
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.CreateModel(
            name='FlagProcess',
            fields=[
                ('name', models.CharField(help_text='host:pid:start', max_length=120, primary_key=True, serialize=False)),
                ('snapshot_version', models.CharField(max_length=36)),
                ('snapshot_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'flag_processes',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalRollout',
            fields=[
                ('id', models.UUIDField(db_index=True, default=common.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('policy_name', models.CharField(max_length=60)),
                ('policy_text', models.TextField()),
                ('policy_sha256', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'Scheduled'), ('running', 'Running'), ('holding', 'Holding'), ('paused', 'Paused'), ('completed', 'Completed'), ('rolling_back', 'Rolling back'), ('rolled_back', 'Rolled back')], default='draft', max_length=12)),
                ('stage', models.PositiveSmallIntegerField(default=0)),
                ('version', models.PositiveIntegerField(default=0)),
                ('reason', models.CharField(max_length=300)),
                ('requested_by_id', models.UUIDField(editable=False)),
                ('starts_at', models.DateTimeField(help_text='The first stage begins at the first tick after this.')),
                ('stage_entered_at', models.DateTimeField(blank=True, null=True)),
                ('fresh_from', models.DateTimeField(blank=True, help_text="Since when the stage's time and evidence count", null=True)),
                ('extensions', models.PositiveSmallIntegerField(default=0)),
                ('before_json', models.JSONField(default=dict, help_text='The flag as it was before the first stage.')),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('cool_down_until', models.DateTimeField(blank=True, null=True)),
                ('synthetic', models.BooleanField(default=False, help_text='Its outcomes are made up, for a demonstration.')),
                ('history_user_id', models.UUIDField(blank=True, null=True)),
                ('history_id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('flag', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.WAFFLE_FLAG_MODEL)),
            ],
            options={
                'verbose_name': 'historical rollout',
                'verbose_name_plural': 'historical rollouts',
                'db_table': 'rollouts_history',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Incident',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('title', models.CharField(max_length=200)),
                ('automatic', models.BooleanField()),
                ('status', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('closed', 'Closed')], default='open', max_length=12)),
                ('evidence_json', models.JSONField(default=dict)),
                ('cause', models.TextField(blank=True)),
                ('follow_up', models.TextField(blank=True)),
                ('acknowledged_by_id', models.UUIDField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to=settings.WAFFLE_FLAG_MODEL)),
            ],
            options={
                'db_table': 'rollout_incidents',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='IncidentEntry',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('at', models.DateTimeField()),
                ('actor_id', models.UUIDField(null=True)),
                ('actor', models.CharField(max_length=60)),
                ('text', models.TextField()),
                ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='rollout.incident')),
            ],
            options={
                'db_table': 'rollout_incident_entries',
                'ordering': ['at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Rollout',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('policy_name', models.CharField(max_length=60)),
                ('policy_text', models.TextField()),
                ('policy_sha256', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('scheduled', 'Scheduled'), ('running', 'Running'), ('holding', 'Holding'), ('paused', 'Paused'), ('completed', 'Completed'), ('rolling_back', 'Rolling back'), ('rolled_back', 'Rolled back')], default='draft', max_length=12)),
                ('stage', models.PositiveSmallIntegerField(default=0)),
                ('version', models.PositiveIntegerField(default=0)),
                ('reason', models.CharField(max_length=300)),
                ('requested_by_id', models.UUIDField(editable=False)),
                ('starts_at', models.DateTimeField(help_text='The first stage begins at the first tick after this.')),
                ('stage_entered_at', models.DateTimeField(blank=True, null=True)),
                ('fresh_from', models.DateTimeField(blank=True, help_text="Since when the stage's time and evidence count", null=True)),
                ('extensions', models.PositiveSmallIntegerField(default=0)),
                ('last_tick', models.DateTimeField(blank=True, null=True)),
                ('was_killed', models.BooleanField(default=False, help_text='At the last look.')),
                ('waits_for', models.TextField(blank=True, help_text='Why it does not advance, in words.')),
                ('verdicts_json', models.JSONField(default=list)),
                ('before_json', models.JSONField(default=dict, help_text='The flag as it was before the first stage.')),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('cool_down_until', models.DateTimeField(blank=True, null=True)),
                ('synthetic', models.BooleanField(default=False, help_text='Its outcomes are made up, for a demonstration.')),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rollouts', to=settings.WAFFLE_FLAG_MODEL)),
            ],
            options={
                'db_table': 'rollouts',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='OutcomeMinute',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('stage', models.PositiveSmallIntegerField()),
                ('minute', models.DateTimeField(help_text='Its beginning.')),
                ('watched_at', models.DateTimeField(help_text='When it was counted up; null of a stage that was over.', null=True)),
                ('killed', models.BooleanField(default=False, help_text='The flag was killed when it was counted up.')),
                ('new_json', models.JSONField(default=dict)),
                ('control_json', models.JSONField(default=dict)),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='minutes', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_minutes',
                'ordering': ['rollout', 'minute', 'stage'],
            },
        ),
        migrations.CreateModel(
            name='OutcomeFact',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('stage', models.PositiveSmallIntegerField()),
                ('arm', models.CharField(choices=[('new', 'New'), ('control', 'Control')], max_length=8)),
                ('kind', models.CharField(choices=[('answer', 'An answered request'), ('decision', 'What the athlete decided'), ('rating', 'A rating'), ('report', 'A support report')], max_length=10)),
                ('source_id', models.UUIDField(help_text='Of what told it: a generation, a review, a report.')),
                ('athlete_id', models.UUIDField(help_text='The subject.')),
                ('invited', models.BooleanField(default=False, help_text='In by an allowlist, not by chance.')),
                ('failed', models.BooleanField(default=False)),
                ('fallback', models.BooleanField(default=False)),
                ('invalid', models.BooleanField(default=False)),
                ('unsafe', models.BooleanField(default=False)),
                ('latency_ms', models.FloatField(null=True)),
                ('cost_seconds', models.FloatField(default=0.0)),
                ('accepted', models.BooleanField(null=True)),
                ('rating', models.PositiveSmallIntegerField(null=True)),
                ('critical', models.BooleanField(default=False)),
                ('rolled_up', models.BooleanField(default=False)),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='facts', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_facts',
                'ordering': ['id'],
            },
        ),
        migrations.AddField(
            model_name='incident',
            name='rollout',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='incidents', to='rollout.rollout'),
        ),
        migrations.CreateModel(
            name='HistoricalIncident',
            fields=[
                ('id', models.UUIDField(db_index=True, default=common.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('title', models.CharField(max_length=200)),
                ('automatic', models.BooleanField()),
                ('status', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('closed', 'Closed')], default='open', max_length=12)),
                ('evidence_json', models.JSONField(default=dict)),
                ('cause', models.TextField(blank=True)),
                ('follow_up', models.TextField(blank=True)),
                ('acknowledged_by_id', models.UUIDField(blank=True, null=True)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('history_user_id', models.UUIDField(blank=True, null=True)),
                ('history_id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('flag', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.WAFFLE_FLAG_MODEL)),
                ('rollout', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rollout.rollout')),
            ],
            options={
                'verbose_name': 'historical incident',
                'verbose_name_plural': 'historical incidents',
                'db_table': 'rollout_incidents_history',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalApproval',
            fields=[
                ('id', models.UUIDField(db_index=True, default=common.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('kind', models.CharField(choices=[('start', 'Start of a rollout'), ('advance', 'Advance without conclusive evidence'), ('resume', 'Resume after a kill'), ('change', 'Change of a flag that reaches more people'), ('override', 'Flag switched on for one person')], max_length=10)),
                ('wish_json', models.JSONField(default=dict)),
                ('wish_sha256', models.CharField(max_length=64)),
                ('reason', models.CharField(max_length=300)),
                ('requested_by_id', models.UUIDField()),
                ('expires_at', models.DateTimeField()),
                ('decided_by_id', models.UUIDField(blank=True, null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('approved', models.BooleanField(blank=True, null=True)),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('history_user_id', models.UUIDField(blank=True, null=True)),
                ('history_id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('flag', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.WAFFLE_FLAG_MODEL)),
                ('rollout', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rollout.rollout')),
            ],
            options={
                'verbose_name': 'historical approval',
                'verbose_name_plural': 'historical approvals',
                'db_table': 'rollout_approvals_history',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('kind', models.CharField(choices=[('start', 'Start of a rollout'), ('advance', 'Advance without conclusive evidence'), ('resume', 'Resume after a kill'), ('change', 'Change of a flag that reaches more people'), ('override', 'Flag switched on for one person')], max_length=10)),
                ('wish_json', models.JSONField(default=dict)),
                ('wish_sha256', models.CharField(max_length=64)),
                ('reason', models.CharField(max_length=300)),
                ('requested_by_id', models.UUIDField()),
                ('expires_at', models.DateTimeField()),
                ('decided_by_id', models.UUIDField(blank=True, null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('approved', models.BooleanField(blank=True, null=True)),
                ('comment', models.CharField(blank=True, max_length=300)),
                ('flag', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to=settings.WAFFLE_FLAG_MODEL)),
                ('rollout', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_approvals',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RolloutCheck',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('stage', models.PositiveSmallIntegerField()),
                ('gate', models.CharField(max_length=60)),
                ('passed', models.BooleanField()),
                ('evidence', models.TextField(help_text='What was looked at, and where it can be read.')),
                ('recorded_by_id', models.UUIDField()),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checks', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_checks',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='RolloutStep',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('command', models.CharField(max_length=12)),
                ('from_state', models.CharField(max_length=12)),
                ('to_state', models.CharField(max_length=12)),
                ('from_stage', models.PositiveSmallIntegerField()),
                ('to_stage', models.PositiveSmallIntegerField()),
                ('actor_id', models.UUIDField(null=True)),
                ('actor', models.CharField(help_text='The role of a person, or the service.', max_length=60)),
                ('why', models.TextField()),
                ('verdicts_json', models.JSONField(default=list)),
                ('rollout', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_steps',
                'ordering': ['rollout', 'number'],
            },
        ),
        migrations.AddConstraint(
            model_name='rollout',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', [rollout.lifecycle.State['DRAFT'], rollout.lifecycle.State['HOLDING'], rollout.lifecycle.State['PAUSED'], rollout.lifecycle.State['ROLLING_BACK'], rollout.lifecycle.State['RUNNING'], rollout.lifecycle.State['SCHEDULED']])), fields=('flag',), name='one_live_rollout_a_flag'),
        ),
        migrations.AddConstraint(
            model_name='rollout',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'scheduled', 'running', 'holding', 'paused', 'completed', 'rolling_back', 'rolled_back'])), name='rollout_state_known'),
        ),
        migrations.AddConstraint(
            model_name='outcomeminute',
            constraint=models.UniqueConstraint(fields=('rollout', 'stage', 'minute'), name='one_row_a_rollout_stage_minute'),
        ),
        migrations.AddIndex(
            model_name='outcomefact',
            index=models.Index(condition=models.Q(('rolled_up', False)), fields=['id'], name='facts_to_roll_up'),
        ),
        migrations.AddIndex(
            model_name='outcomefact',
            index=models.Index(fields=['rollout', 'stage', 'athlete_id'], name='facts_by_subject'),
        ),
        migrations.AddIndex(
            model_name='outcomefact',
            index=models.Index(fields=['athlete_id', '-id'], name='facts_of_an_athlete'),
        ),
        migrations.AddConstraint(
            model_name='outcomefact',
            constraint=models.UniqueConstraint(fields=('kind', 'source_id'), name='one_fact_a_source'),
        ),
        migrations.AddConstraint(
            model_name='outcomefact',
            constraint=models.CheckConstraint(condition=models.Q(('arm__in', ['new', 'control'])), name='fact_arm_known'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by_id', None), ('approved', False), models.Q(('decided_by_id', models.F('requested_by_id')), _negated=True), _connector='OR'), name='approved_by_a_second_person'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.UniqueConstraint(condition=models.Q(('decided_at', None)), fields=('flag', 'wish_sha256'), name='one_open_approval_a_wish'),
        ),
        migrations.AddConstraint(
            model_name='rolloutstep',
            constraint=models.UniqueConstraint(fields=('rollout', 'number'), name='one_step_a_rollout_version'),
        ),
        migrations.RunPython(watch_again, migrations.RunPython.noop),
        migrations.RunPython(guard_what_shipped, migrations.RunPython.noop),
        AppendOnly("rollout_flag_history"),
        *[AppendOnly(table) for table in APPEND_ONLY],
        RowLevelSecurity("rollout_facts", IN_SCOPE),
    ]
