"""What was proposed, edited, said and decided is append-only; every table with an athlete has row-level security."""

from django.db import migrations

from common.db_operations import AppendOnly, RowLevelSecurity

SCOPED = [
    "plans",
    "plans_history",
    "plan_versions",
    "plan_sessions",
    "plan_generations",
    "plan_version_changes",
    "plan_comments",
    "plan_comment_resolutions",
    "plan_reviews",
    "plan_looks",
    "session_completions",
    "calendar_feeds",
    "cycle_feedback",
]
IMMUTABLE = [
    "plans_history",
    "plan_versions",
    "plan_sessions",
    "plan_version_changes",
    "plan_comments",
    "plan_comment_resolutions",
    "plan_reviews",
    "session_completions",
]
IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial"), ("accounts", "0002_row_level_security")]

    operations = [
        *(AppendOnly(table) for table in IMMUTABLE),
        *(RowLevelSecurity(table, IN_SCOPE) for table in SCOPED),
    ]
