"""Append-only histories, and row-level security on every table with an athlete (PostgreSQL).

The functions repeat `accounts/scope.py` in SQL. They are SECURITY DEFINER, so that they read links and athletes past the
very policies that call them; the policy `owner` of each table lets their owner through.
"""

from django.db import migrations

from common.db_operations import AppendOnly, RowLevelSecurity

FUNCTIONS = """
CREATE OR REPLACE FUNCTION app_user_id() RETURNS uuid LANGUAGE sql STABLE AS
$$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;

CREATE OR REPLACE FUNCTION app_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT role FROM accounts_user WHERE id = app_user_id() AND is_active $$;

CREATE OR REPLACE FUNCTION app_reaches_all() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT coalesce(nullif(nullif(current_setting('app.service', true), ''), 'public') IS NOT NULL, false)
       OR coalesce(app_role() = 'admin', false) $$;

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
   WHERE app_role() = 'support' AND membership.user_id = app_user_id() $$;
"""
DROP = """
DROP FUNCTION IF EXISTS app_athletes(); DROP FUNCTION IF EXISTS app_reaches_all();
DROP FUNCTION IF EXISTS app_role(); DROP FUNCTION IF EXISTS app_user_id();
"""
HISTORIES = ["user", "athlete", "coachlink", "consent"]


def in_scope(column):
    return f"(SELECT app_reaches_all()) OR {column} IN (SELECT app_athletes())"


# A coach may add an athlete before the link to it exists.
ADDING = f"{in_scope('id')} OR (SELECT app_role()) = 'coach'"
LINKS = f"{in_scope('athlete_id')} OR coach_id = app_user_id()"


def on_postgres(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        *(AppendOnly(f"accounts_{name}_history") for name in HISTORIES),
        migrations.RunPython(on_postgres(FUNCTIONS), on_postgres(DROP)),
        RowLevelSecurity("accounts_athlete", in_scope("id"), ADDING),
        RowLevelSecurity("accounts_athlete_history", in_scope("id"), ADDING),
        RowLevelSecurity("accounts_coachlink", LINKS),
        RowLevelSecurity("accounts_coachlink_history", LINKS),
        RowLevelSecurity("accounts_consent", in_scope("athlete_id")),
        RowLevelSecurity("accounts_consent_history", in_scope("athlete_id")),
    ]
