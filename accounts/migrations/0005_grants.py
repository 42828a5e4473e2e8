"""Grants on athletes; row-level security reaches as far as `accounts.scope` does."""

import common.clock
import common.ids
import common.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common.db_operations import RowLevelSecurity

FUNCTIONS = """
CREATE OR REPLACE FUNCTION app_athletes() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS
$$ SELECT link.athlete_id FROM accounts_coachlink link
   WHERE app_role() = 'coach' AND link.coach_id = app_user_id()
     AND link.active_from <= (now() AT TIME ZONE 'UTC')::date
     AND (link.active_until IS NULL OR link.active_until > (now() AT TIME ZONE 'UTC')::date)
   UNION
   SELECT id FROM accounts_athlete WHERE app_role() = 'athlete' AND user_id = app_user_id()
   UNION
   SELECT athlete.id FROM accounts_athlete athlete JOIN accounts_teammembership membership
     ON membership.team_id = athlete.team_id
   WHERE app_role() = 'support' AND membership.user_id = app_user_id()
   UNION
   SELECT content_object_id FROM athlete_grants
   WHERE app_role() IN ('coach', 'support') AND user_id = app_user_id() AND expires_at > now() $$;
"""
BEFORE = FUNCTIONS.replace(FUNCTIONS[FUNCTIONS.rindex("   UNION") :], "$$;\n")
GRANTS = "(SELECT app_reaches_all()) OR user_id = app_user_id() OR content_object_id IN (SELECT app_athletes())"


def on_postgres(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_refresh_successor'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='AthleteGrant',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('expires_at', models.DateTimeField()),
                ('granted_by_id', models.UUIDField(editable=False)),
                ('reason', common.models.base.CiphertextField(help_text="Encrypted under the athlete's key.")),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='accounts.athlete')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'athlete_grants',
                'abstract': False,
                'indexes': [models.Index(fields=['expires_at'], name='athlete_grants_by_expiry')],
                'unique_together': {('user', 'permission', 'content_object')},
            },
        ),
        migrations.RunPython(on_postgres(FUNCTIONS), on_postgres(BEFORE)),
        RowLevelSecurity("athlete_grants", GRANTS),
    ]
