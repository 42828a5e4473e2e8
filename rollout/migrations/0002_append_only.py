from django.db import migrations

from common.db_operations import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("rollout", "0001_initial")]

    operations = [AppendOnly("rollout_flag_history")]
