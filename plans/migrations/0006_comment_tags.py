"""What comments are about; seen by coaches of the athlete and administrators, and services."""

import common.clock
import common.ids
import django.db.models.deletion
from django.db import migrations, models

from common.db_operations import RowLevelSecurity


# An athlete reads what was written, not what it was taken to be about; nor does support, nor who was shown one plan.
WHO_TAGS = (
    "(SELECT app_reaches_all()) OR ((SELECT app_role()) = 'coach' AND athlete_id IN (SELECT app_athletes()))"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_quicker_scope'),
        ('plans', '0005_in_experiment'),
    ]

    operations = [
        migrations.CreateModel(
            name='PlanCommentTag',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('set_id', models.UUIDField()),
                ('tag', models.CharField(choices=[('injury', 'Injury'), ('fatigue', 'Fatigue'), ('time', 'Time'), ('motivation', 'Motivation'), ('too_hard', 'Too hard'), ('too_easy', 'Too easy'), ('schedule', 'Schedule'), ('equipment', 'Equipment'), ('illness', 'Illness'), ('other', 'Other')], max_length=12)),
                ('probability', models.FloatField(help_text="The model's; none where the text was out of its reach.", null=True)),
                ('source', models.CharField(choices=[('model', 'Model'), ('coach', 'Coach')], max_length=5)),
                ('model_version', models.CharField(blank=True, max_length=40)),
                ('tagged_by_id', models.UUIDField()),
                ('athlete', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.athlete')),
                ('comment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tags', to='plans.plancomment')),
            ],
            options={
                'db_table': 'plan_comment_tags',
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('set_id', 'tag'), name='a_tag_once_a_set'), models.UniqueConstraint(condition=models.Q(('source', 'model')), fields=('comment', 'tag', 'model_version'), name='a_tag_once_a_model'), models.CheckConstraint(condition=models.Q(('tag__in', ['injury', 'fatigue', 'time', 'motivation', 'too_hard', 'too_easy', 'schedule', 'equipment', 'illness', 'other'])), name='comment_tag_known'), models.CheckConstraint(condition=models.Q(('probability', None), models.Q(('probability__gte', 0), ('probability__lte', 1)), _connector='OR'), name='comment_tag_probability'), models.CheckConstraint(condition=models.Q(models.Q(('source', 'model'), models.Q(('model_version', ''), _negated=True)), models.Q(('model_version', ''), ('probability', None), ('source', 'coach')), _connector='OR'), name='comment_tag_of_a_model_or_a_coach')],
            },
        ),
        RowLevelSecurity("plan_comment_tags", WHO_TAGS),
    ]
