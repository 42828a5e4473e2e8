"""Alert rules for tables that are partitioned by month; where none is they read nothing."""

from django.db import migrations

RULES = [
    {
        "name": "Months run out",
        "description": "A partitioned table has no partition for the month to come; its rows would lie in the rest.",
        "metric": "partitions.ahead",
        "comparison": "below",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": 60,
        "lasting_seconds": 7200,
        "min_n": 0,
        "remind_minutes": 24 * 60,
    },
    {
        "name": "Rows of no month",
        "description": "Rows of a partitioned table found no partition of their month and lie in the rest.",
        "metric": "partitions.rest",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": 60,
        "lasting_seconds": 7200,
        "min_n": 0,
        "remind_minutes": 24 * 60,
    },
]


def write(apps, schema_editor):
    rules = apps.get_model("telemetry", "AlertRule")
    for rule in RULES:
        rules.objects.get_or_create(name=rule["name"], defaults=rule)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0006_availability_probes")]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
