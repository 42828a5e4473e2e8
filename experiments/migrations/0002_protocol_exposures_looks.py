"""What an experiment asks, when a variant was used, and what was known at each look."""

import common.clock
import common.ids
import django.db.models.deletion
from django.db import migrations, models

from common.db_operations import AppendOnly, RowLevelSecurity

IN_SCOPE = "(SELECT app_reaches_all()) OR subject_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_governance'),
        ('experiments', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='experiment',
            name='synthetic',
            field=models.BooleanField(default=False, help_text='Its looks are made up, for a demonstration.'),
        ),
        migrations.AddField(
            model_name='experiment',
            name='ended_by',
            field=models.CharField(blank=True, help_text='The guardrail that stopped it, if one did.', max_length=300),
        ),
        migrations.AddField(
            model_name='experiment',
            name='protocol',
            field=models.JSONField(blank=True, default=dict, help_text='What is asked and how it is judged.'),
        ),
        migrations.AddField(
            model_name='experiment',
            name='protocol_sha256',
            field=models.CharField(blank=True, editable=False, help_text='Set by the start.', max_length=64),
        ),
        migrations.AddField(
            model_name='historicalexperiment',
            name='synthetic',
            field=models.BooleanField(default=False, help_text='Its looks are made up, for a demonstration.'),
        ),
        migrations.AddField(
            model_name='historicalexperiment',
            name='ended_by',
            field=models.CharField(blank=True, help_text='The guardrail that stopped it, if one did.', max_length=300),
        ),
        migrations.AddField(
            model_name='historicalexperiment',
            name='protocol',
            field=models.JSONField(blank=True, default=dict, help_text='What is asked and how it is judged.'),
        ),
        migrations.AddField(
            model_name='historicalexperiment',
            name='protocol_sha256',
            field=models.CharField(blank=True, editable=False, help_text='Set by the start.', max_length=64),
        ),
        migrations.CreateModel(
            name='ExperimentExposure',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('variant', models.CharField(max_length=60)),
                ('coach_id', models.UUIDField(help_text='Who coached them then: athletes of one coach are alike.', null=True)),
                ('exposed_at', models.DateTimeField()),
                ('source', models.CharField(help_text='What used it, such as plan.generated.', max_length=40)),
                ('source_id', models.UUIDField(help_text='Which one; told twice, it counts once.')),
                ('preference', models.CharField(blank=True, help_text='What the caller wished for, where asked.', max_length=60)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exposures', to='experiments.experiment')),
                ('subject', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.athlete')),
            ],
            options={
                'db_table': 'experiment_exposures',
                'ordering': ['id'],
                'indexes': [models.Index(fields=['experiment', 'subject'], name='exposures_of_subject')],
                'constraints': [models.UniqueConstraint(fields=('experiment', 'source', 'source_id'), name='one_exposure_a_use')],
            },
        ),
        migrations.CreateModel(
            name='ExperimentLook',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('number', models.PositiveIntegerField()),
                ('as_of', models.DateTimeField(help_text='What happened and was known by then counts.')),
                ('document_json', models.JSONField()),
                ('sha256', models.CharField(help_text='Of the document, canonical JSON, hex.', max_length=64)),
                ('experiment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='looks', to='experiments.experiment')),
            ],
            options={
                'db_table': 'experiment_looks',
                'ordering': ['experiment', 'number'],
                'constraints': [models.UniqueConstraint(fields=('experiment', 'number'), name='one_look_a_number'), models.UniqueConstraint(fields=('experiment', 'as_of'), name='one_look_a_moment')],
            },
        ),
        AppendOnly("experiments_history"),  # SQLite lost its triggers with the columns above
        AppendOnly("experiment_looks"),
        RowLevelSecurity("experiment_exposures", IN_SCOPE),
    ]
