from django.db import migrations

DAY = 24 * 60
RULES = [
    {
        "name": "Adherence drops",
        "description": "D5: athletes do 10 % less of what is planned than in the four weeks before.",
        "metric": "plans.adherence_drop",
        "comparison": "above",
        "threshold": 10.0,
        "clear_threshold": 7.0,
        "window_minutes": 7 * DAY,
        "min_n": 50,
        "remind_minutes": DAY,
    },
    {
        "name": "Error rate",
        "description": "I8: more than 5 % of all requests fail.",
        "metric": "requests.error_rate",
        "comparison": "above",
        "threshold": 5.0,
        "clear_threshold": 3.0,
        "window_minutes": 5,
        "min_n": 50,
        "severity": "critical",
    },
    {
        "name": "Error rate of a pipeline",
        "description": "I8: more than 5 % of the requests for plans fail or fall back, by the pipeline they go to.",
        "metric": "pipelines.error_rate",
        "comparison": "above",
        "threshold": 5.0,
        "clear_threshold": 3.0,
        "window_minutes": 60,
        "min_n": 20,
        "severity": "critical",
    },
    {
        "name": "Flag service down",
        "description": "I8: no process has reported for 60 s, or all that report decide by old flags.",
        "metric": "flags.service_down",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": 1,
        "lasting_seconds": 45,
        "severity": "critical",
    },
    {
        "name": "Flag snapshots stale",
        "description": "I8: some processes decide by old flags, so that a kill does not reach them.",
        "metric": "flags.stale_processes",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": 1,
        "lasting_seconds": 45,
        "severity": "critical",
    },
    {
        "name": "Unauthorised change of a flag",
        "description": "I8: a percentage, or anything else of a flag, changed past the log. The reconciliation tells of "
        "each change at once, with what changed; so this rule tells nobody again.",
        "metric": "flags.unexplained_changes",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": DAY,
        "min_n": 0,
        "severity": "critical",
        "channel": "nobody",
    },
    {
        "name": "High rollback frequency",
        "description": "I8: one flag is rolled back again and again; its cause was not found.",
        "metric": "flags.rollbacks",
        "comparison": "at_least",
        "threshold": 3.0,
        "clear_threshold": 3.0,
        "window_minutes": 7 * DAY,
        "min_n": 0,
        "remind_minutes": DAY,
    },
    {
        "name": "High rollback frequency of all flags",
        "description": "I8: several flags are rolled back in a day; more likely something below all of them is ill.",
        "metric": "flags.rollbacks_in_all",
        "comparison": "at_least",
        "threshold": 4.0,
        "clear_threshold": 4.0,
        "window_minutes": DAY,
        "min_n": 0,
        "severity": "critical",
    },
    {
        "name": "Slow answers",
        "description": "H6: answers take more than 200 ms on average.",
        "metric": "requests.mean",
        "comparison": "above",
        "threshold": 200.0,
        "clear_threshold": 150.0,
        "window_minutes": 15,
        "lasting_seconds": 300,
        "min_n": 100,
    },
    {
        "name": "Cache hits",
        "description": "H6: a cache has less than 95 % of what it is asked for.",
        "metric": "caches.hits",
        "comparison": "below",
        "threshold": 95.0,
        "clear_threshold": 96.0,
        "window_minutes": 60,
        "min_n": 1000,
        "remind_minutes": DAY,
    },
    {
        "name": "Events wait",
        "description": "D2: an event has waited for more than 10 minutes; the relay or its sink does not work.",
        "metric": "telemetry.oldest_waiting",
        "comparison": "above",
        "threshold": 600.0,
        "clear_threshold": 60.0,
        "window_minutes": 1,
        "lasting_seconds": 120,
    },
    {
        "name": "Dead letters",
        "description": "D2: an event was put aside. The relay tells of the first of each type and day; so this rule tells "
        "nobody again.",
        "metric": "telemetry.dead_letters",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": DAY,
        "min_n": 0,
        "channel": "nobody",
    },
    {
        "name": "Jobs wait",
        "description": "D6: a job has waited for more than 5 minutes; there are too few workers, or none.",
        "metric": "jobs.oldest_waiting",
        "comparison": "above",
        "threshold": 300.0,
        "clear_threshold": 60.0,
        "window_minutes": 1,
        "lasting_seconds": 60,
        "severity": "critical",
    },
    {
        "name": "Messages not delivered",
        "description": "H4: messages to a group fail, alerts perhaps among them; they are tried again for half a day. "
        "Shown only: another message would fail as well.",
        "metric": "messages.undelivered",
        "comparison": "at_least",
        "threshold": 1.0,
        "clear_threshold": 1.0,
        "window_minutes": DAY,
        "min_n": 0,
        "channel": "nobody",
    },
]


def write(apps, schema_editor):
    rules = apps.get_model("telemetry", "AlertRule")
    for rule in RULES:
        rules.objects.get_or_create(name=rule["name"], defaults=rule)


class Migration(migrations.Migration):
    dependencies = [("telemetry", "0004_alerts")]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
