"""Experiments, their frozen phases, and who got which variant."""

import common.clock
import common.ids
import django.db.models.deletion
import simple_history.models
import uuid
from django.db import migrations, models

from common.db_operations import AppendOnly, RowLevelSecurity


IN_SCOPE = "(SELECT app_reaches_all()) OR subject_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0006_governance'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalExperiment',
            fields=[
                ('id', models.UUIDField(db_index=True, default=common.ids.uuid7, editable=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('key', models.CharField(db_index=True, max_length=60)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('owner_id', models.UUIDField(editable=False)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('complete', 'Complete')], default='draft', max_length=8)),
                ('phase', models.PositiveSmallIntegerField(default=1)),
                ('version', models.PositiveIntegerField(default=0)),
                ('start_at', models.DateTimeField(blank=True, help_text='Empty: when somebody starts it.', null=True)),
                ('end_at', models.DateTimeField(blank=True, help_text='Exclusive.', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('variant_weights', models.JSONField(default=dict, help_text='Percent by variant, together 100.')),
                ('stratification_keys', models.JSONField(default=list)),
                ('holdout_percentage', models.FloatField(default=0.0)),
                ('traffic_percentage', models.FloatField(default=100.0)),
                ('targeting', models.JSONField(default=dict)),
                ('layer', models.JSONField(blank=True, null=True)),
                ('roster', models.CharField(choices=[('open', 'Open: people join while it runs'), ('closed', 'Closed: everybody is known at the start')], default='open', max_length=6)),
                ('block_size', models.PositiveIntegerField(blank=True, null=True)),
                ('history_user_id', models.UUIDField(blank=True, null=True)),
                ('history_id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical experiment',
                'verbose_name_plural': 'historical experiments',
                'db_table': 'experiments_history',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('key', models.CharField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('owner_id', models.UUIDField(editable=False)),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('running', 'Running'), ('paused', 'Paused'), ('complete', 'Complete')], default='draft', max_length=8)),
                ('phase', models.PositiveSmallIntegerField(default=1)),
                ('version', models.PositiveIntegerField(default=0)),
                ('start_at', models.DateTimeField(blank=True, help_text='Empty: when somebody starts it.', null=True)),
                ('end_at', models.DateTimeField(blank=True, help_text='Exclusive.', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('variant_weights', models.JSONField(default=dict, help_text='Percent by variant, together 100.')),
                ('stratification_keys', models.JSONField(default=list)),
                ('holdout_percentage', models.FloatField(default=0.0)),
                ('traffic_percentage', models.FloatField(default=100.0)),
                ('targeting', models.JSONField(default=dict)),
                ('layer', models.JSONField(blank=True, null=True)),
                ('roster', models.CharField(choices=[('open', 'Open: people join while it runs'), ('closed', 'Closed: everybody is known at the start')], default='open', max_length=6)),
                ('block_size', models.PositiveIntegerField(blank=True, null=True)),
            ],
            options={
                'db_table': 'experiments',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['draft', 'running', 'paused', 'complete'])), name='experiment_status_known')],
            },
        ),
        migrations.CreateModel(
            name='ExperimentPhase',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('document_json', models.JSONField()),
                ('version', models.CharField(help_text='SHA-256 of the document, canonical JSON, hex.', max_length=64)),
                ('started_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phases', to='experiments.experiment')),
            ],
            options={
                'db_table': 'experiment_phases',
                'ordering': ['experiment', 'number'],
            },
        ),
        migrations.CreateModel(
            name='ExperimentAssignment',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('variant', models.CharField(blank=True, help_text='Empty for who is held out.', max_length=60)),
                ('is_holdout', models.BooleanField(default=False)),
                ('bucket', models.PositiveIntegerField(help_text="The place for the variant's salt, 0 to 99,999.")),
                ('stratum', models.CharField(blank=True, max_length=500)),
                ('number', models.PositiveIntegerField(help_text='The place in the stratum, from 0.', null=True)),
                ('propensity', models.FloatField(null=True)),
                ('assigned_at', models.DateTimeField()),
                ('record_json', models.JSONField()),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='experiments.experiment')),
                ('subject', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='experiment_assignments', to='accounts.athlete')),
                ('phase', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='experiments.experimentphase')),
            ],
            options={
                'db_table': 'experiment_assignments',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='StratumCounter',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('stratum', models.CharField(max_length=500)),
                ('arrived', models.PositiveIntegerField(default=0)),
                ('phase', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='strata', to='experiments.experimentphase')),
            ],
            options={
                'db_table': 'experiment_strata',
                'ordering': ['phase', 'stratum'],
            },
        ),
        migrations.AddConstraint(
            model_name='experimentphase',
            constraint=models.UniqueConstraint(fields=('experiment', 'number'), name='one_phase_a_number'),
        ),
        migrations.AddConstraint(
            model_name='experimentassignment',
            constraint=models.UniqueConstraint(fields=('experiment', 'subject'), name='one_assignment_a_subject'),
        ),
        migrations.AddConstraint(
            model_name='experimentassignment',
            constraint=models.UniqueConstraint(fields=('phase', 'stratum', 'number'), name='one_subject_a_place'),
        ),
        migrations.AddConstraint(
            model_name='experimentassignment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_holdout', True), ('variant', '')), models.Q(('is_holdout', False), models.Q(('variant', ''), _negated=True)), _connector='OR'), name='held_out_or_in_a_variant'),
        ),
        migrations.AddConstraint(
            model_name='stratumcounter',
            constraint=models.UniqueConstraint(fields=('phase', 'stratum'), name='one_counter_a_stratum'),
        ),
        AppendOnly("experiments_history"),
        AppendOnly("experiment_phases"),
        RowLevelSecurity("experiment_assignments", IN_SCOPE),
    ]
