"""Trained models that say what comments are about."""

import common.clock
import common.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('modeling', '0003_training_runs'),
    ]

    operations = [
        migrations.CreateModel(
            name='TagModelRecord',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('version', models.CharField(max_length=40, unique=True)),
                ('document', models.JSONField()),
                ('sha256', models.CharField(max_length=64)),
                ('metrics', models.JSONField(help_text="By cross-validation on the seed set's held-out groups.")),
                ('learnt_from', models.JSONField(default=list)),
                ('in_use', models.BooleanField(default=False)),
                ('trained_by_id', models.UUIDField()),
            ],
            options={
                'db_table': 'tag_models',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('in_use', True)), fields=('in_use',), name='one_tag_model_in_use')],
            },
        ),
    ]
