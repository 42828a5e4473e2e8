"""A request's experiment and when its outcome was known; the rating of an accepted plan."""

from django.db import migrations, models

from common.db_operations import AppendOnly


class Migration(migrations.Migration):

    dependencies = [
        ('plans', '0004_grants'),
    ]

    operations = [
        migrations.AddField(
            model_name='plangeneration',
            name='experiment_json',
            field=models.JSONField(default=dict, help_text="The arm that chose the pipeline, if one did."),
        ),
        migrations.AddField(
            model_name='plangeneration',
            name='settled_at',
            field=models.DateTimeField(help_text='When its outcome was known.', null=True),
        ),
        migrations.AddField(
            model_name='planreview',
            name='rating',
            field=models.PositiveSmallIntegerField(help_text='How the accepted plan pleases, 1 to 5.', null=True),
        ),
        migrations.AlterField(
            model_name='historicalplan',
            name='experiment_arm',
            field=models.CharField(blank=True, help_text="The experiment's key and the variant.", max_length=125),
        ),
        migrations.AlterField(
            model_name='plan',
            name='experiment_arm',
            field=models.CharField(blank=True, help_text="The experiment's key and the variant.", max_length=125),
        ),
        AppendOnly("plans_history"),  # SQLite lost its triggers with the column above
    ]
