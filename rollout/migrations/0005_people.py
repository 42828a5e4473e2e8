"""Support reports, announcements and messages; row-level security hides reports from all but who works them.

A coach reads what they filed, not what their athletes did. A report without an athlete is open to all support.
"""

import common.clock
import common.ids
import common.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common.db_operations import RowLevelSecurity

ALL = "(SELECT app_reaches_all())"
MINE = "reporter_id = (SELECT app_user_id())"
REACHED = "(athlete_id IS NULL OR athlete_id IN (SELECT app_athletes()))"
WORKED = f"((SELECT app_role()) = 'support' AND {REACHED})"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_governance'),
        ('rollout', '0004_rollouts'),
    ]

    operations = [
        migrations.CreateModel(
            name='Announcement',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('kind', models.CharField(choices=[('release_note', 'Release note'), ('announcement', 'Announcement'), ('known_issue', 'Known issue')], max_length=14)),
                ('title', models.CharField(max_length=120)),
                ('body', models.TextField(help_text='Markdown without HTML: **bold**, lists, [links](https://…).', max_length=4000)),
                ('audience', models.CharField(choices=[('all', 'Everybody'), ('tier', "A tier's athletes and their coaches"), ('role', 'A role'), ('flag', 'Whoever has a flag on')], default='all', max_length=6)),
                ('audience_value', models.CharField(blank=True, help_text='Which tier, role or flag; empty for everybody.', max_length=100)),
                ('written_by_id', models.UUIDField(editable=False)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('ends_at', models.DateTimeField(blank=True, help_text='Shown until then; empty for no end.', null=True)),
                ('resolved_at', models.DateTimeField(blank=True, editable=False, help_text='Of a known issue.', null=True)),
            ],
            options={
                'db_table': 'announcements',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['published_at'], name='announcements_published')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['release_note', 'announcement', 'known_issue'])), name='announcement_kind_known'), models.CheckConstraint(condition=models.Q(models.Q(('audience', 'all'), ('audience_value', '')), models.Q(('audience', 'tier'), ('audience_value__in', ['free', 'basic', 'guided', 'premium', 'elite'])), models.Q(('audience', 'role'), ('audience_value__in', ['admin', 'coach', 'athlete', 'data_scientist', 'support', 'compliance'])), models.Q(('audience', 'flag'), models.Q(('audience_value', ''), _negated=True)), _connector='OR'), name='announcement_audience_fits', violation_error_message='Name a tier, a role or a flag; nothing for everybody.'), models.CheckConstraint(condition=models.Q(('resolved_at', None), ('kind', 'known_issue'), _connector='OR'), name='announcement_issue_resolved')],
            },
        ),
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('reporter_id', models.UUIDField(editable=False)),
                ('stage', models.PositiveSmallIntegerField(null=True)),
                ('arm', models.CharField(blank=True, choices=[('new', 'New'), ('control', 'Control')], max_length=8)),
                ('topic', models.CharField(choices=[('account', 'Log-in and account'), ('guidance', 'How something works'), ('error', 'Something fails'), ('performance', 'Something is slow'), ('calculation', 'A number looks wrong'), ('data_accuracy', 'My data are wrong'), ('unsafe_plan', 'A plan could do harm'), ('outage', 'Nothing works'), ('other', 'Something else')], max_length=16)),
                ('severity', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], max_length=10)),
                ('level', models.PositiveSmallIntegerField(choices=[(1, 'Level 1'), (2, 'Level 2'), (3, 'Level 3')])),
                ('status', models.CharField(choices=[('new', 'New'), ('in_progress', 'In progress'), ('resolved', 'Resolved')], default='new', max_length=12)),
                ('text', common.models.base.CiphertextField()),
                ('answer', common.models.base.CiphertextField(null=True)),
                ('assigned_to_id', models.UUIDField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('athlete', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.athlete')),
                ('flag', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to=settings.WAFFLE_FLAG_MODEL)),
                ('rollout', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_reports',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['reporter_id', '-id'], name='reports_of_reporter'), models.Index(fields=['status', '-level', 'id'], name='reports_to_work')],
                'constraints': [models.CheckConstraint(condition=models.Q(('level__gte', 1), ('level__lte', 3)), name='report_level_known'), models.CheckConstraint(condition=models.Q(('severity__in', ['low', 'medium', 'high', 'critical'])), name='report_severity_known'), models.CheckConstraint(condition=models.Q(('topic__in', ['account', 'guidance', 'error', 'performance', 'calculation', 'data_accuracy', 'unsafe_plan', 'outage', 'other'])), name='report_topic_known'), models.CheckConstraint(condition=models.Q(models.Q(('assigned_to_id', None), ('resolved_at', None), ('status', 'new')), models.Q(('assigned_to_id__isnull', False), ('resolved_at', None), ('status', 'in_progress')), models.Q(('answer__isnull', False), ('assigned_to_id__isnull', False), ('resolved_at__isnull', False), ('status', 'resolved')), _connector='OR'), name='report_status_fits')],
            },
        ),
        migrations.CreateModel(
            name='RolloutMessage',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('kind', models.CharField(choices=[('daily_status', 'Daily status'), ('step_completed', 'Step completed'), ('incident', 'Incident'), ('weekly', 'Weekly report'), ('post_rollout', 'Post-rollout report'), ('alert', 'Alert')], max_length=14)),
                ('group', models.CharField(choices=[('oncall', 'On call'), ('team', 'Team'), ('stakeholders', 'Stakeholders')], max_length=12)),
                ('dedupe_key', models.CharField(max_length=160)),
                ('subject', models.CharField(max_length=200)),
                ('text', models.TextField()),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('sent', 'Sent'), ('failed', 'Failed, will be tried again'), ('given_up', 'Given up')], default='pending', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_at', models.DateTimeField(default=common.clock.now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, max_length=200)),
                ('delivered_json', models.JSONField(default=list)),
                ('incident', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='rollout.incident')),
                ('rollout', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='rollout.rollout')),
            ],
            options={
                'db_table': 'rollout_messages',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['pending', 'failed'])), fields=['next_try_at'], name='messages_to_send')],
                'constraints': [models.UniqueConstraint(fields=('dedupe_key', 'group'), name='one_message_a_cause_and_group'), models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'sent', 'failed', 'given_up'])), name='message_state_known'), models.CheckConstraint(condition=models.Q(('group__in', ['oncall', 'team', 'stakeholders'])), name='message_group_known')],
            },
        ),
        RowLevelSecurity("rollout_reports", f"{ALL} OR {MINE} OR {WORKED}", f"{ALL} OR ({MINE} AND {REACHED}) OR {WORKED}"),
    ]
