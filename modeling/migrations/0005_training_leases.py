"""How long a run's process says that it lives; the history of versions is append-only."""

from django.db import migrations, models

from common.db_operations import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("modeling", "0004_tag_models")]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="lease_until",
            field=models.DateTimeField(
                help_text="Its process says that it lives until then; later the run counts as failed.", null=True
            ),
        ),
        AppendOnly("algorithm_versions_history"),
    ]
