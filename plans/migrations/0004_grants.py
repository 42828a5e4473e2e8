"""Shared plans; row-level security lets their readers see the plan, what belongs to it, and the athlete's name."""

import common.clock
import common.ids
import common.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common.db_operations import RowLevelSecurity

FUNCTIONS = """
CREATE OR REPLACE FUNCTION app_shared_plans() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ SELECT content_object_id FROM plan_grants
   WHERE app_role() IN ('coach', 'support') AND user_id = app_user_id() AND expires_at > now() $$;

CREATE OR REPLACE FUNCTION app_shared_versions() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ SELECT id FROM plan_versions WHERE plan_id IN (SELECT app_shared_plans()) $$;

CREATE OR REPLACE FUNCTION app_shared_athletes() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ SELECT athlete_id FROM plan_grants
   WHERE app_role() IN ('coach', 'support') AND user_id = app_user_id() AND expires_at > now() $$;
"""
DROP = """
DROP FUNCTION IF EXISTS app_shared_versions(); DROP FUNCTION IF EXISTS app_shared_athletes();
DROP FUNCTION IF EXISTS app_shared_plans();
"""
IN_SCOPE = "(SELECT app_reaches_all()) OR athlete_id IN (SELECT app_athletes())"
ATHLETES = "(SELECT app_reaches_all()) OR id IN (SELECT app_athletes())"
# table → the rows that come with a shared plan
SHARED = {
    "plans": "id IN (SELECT app_shared_plans())",
    "plans_history": "id IN (SELECT app_shared_plans())",
    "plan_versions": "plan_id IN (SELECT app_shared_plans())",
    "plan_contents": "version_id IN (SELECT app_shared_versions())",
    "plan_sessions": "version_id IN (SELECT app_shared_versions())",
    "plan_version_changes": "version_id IN (SELECT app_shared_versions())",
    "plan_comments": "plan_id IN (SELECT app_shared_plans())",
    "plan_comment_resolutions": "athlete_id IN (SELECT app_shared_athletes())",
    "plan_reviews": "plan_id IN (SELECT app_shared_plans())",
    "plan_looks": "plan_id IN (SELECT app_shared_plans())",
    "session_completions": "plan_id IN (SELECT app_shared_plans())",
}


def on_postgres(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_grants'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('plans', '0003_content'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PlanGrant',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('expires_at', models.DateTimeField()),
                ('granted_by_id', models.UUIDField(editable=False)),
                ('reason', common.models.base.CiphertextField(help_text="Encrypted under the athlete's key.")),
                ('athlete', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.athlete')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='plans.plan')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'plan_grants',
                'abstract': False,
                'indexes': [models.Index(fields=['expires_at'], name='plan_grants_by_expiry')],
                'unique_together': {('user', 'permission', 'content_object')},
            },
        ),
        migrations.RunPython(on_postgres(FUNCTIONS), on_postgres(DROP)),
        RowLevelSecurity("plan_grants", f"{IN_SCOPE} OR user_id = app_user_id()"),
        *(RowLevelSecurity(table, f"{IN_SCOPE} OR {shared}") for table, shared in SHARED.items()),
        RowLevelSecurity(
            "accounts_athlete",
            f"{ATHLETES} OR id IN (SELECT app_shared_athletes())",
            f"{ATHLETES} OR (SELECT app_role()) = 'coach'",
        ),
    ]
