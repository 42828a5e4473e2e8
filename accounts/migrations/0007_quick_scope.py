"""The functions of row-level security in PL/pgSQL: planned once a connection, and only what a role needs is read.

As SQL functions every policy planned all four relations again; a request that reads four tables with an athlete did so
four times. What they answer is unchanged (`tests/access/test_three_walls.py`).
"""

import importlib

from django.db import migrations

before = importlib.import_module("accounts.migrations.0005_grants")

QUICK = """
CREATE OR REPLACE FUNCTION app_athletes() RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    me uuid := app_user_id();
    my_role text := app_role();
    today date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    IF my_role = 'coach' THEN
        RETURN QUERY SELECT link.athlete_id FROM accounts_coachlink link
            WHERE link.coach_id = me AND link.active_from <= today
              AND (link.active_until IS NULL OR link.active_until > today);
    ELSIF my_role = 'athlete' THEN
        RETURN QUERY SELECT athlete.id FROM accounts_athlete athlete WHERE athlete.user_id = me;
    ELSIF my_role = 'support' THEN
        RETURN QUERY SELECT athlete.id FROM accounts_athlete athlete JOIN accounts_teammembership membership
            ON membership.team_id = athlete.team_id WHERE membership.user_id = me;
    END IF;
    IF my_role IN ('coach', 'support') THEN
        RETURN QUERY SELECT granted.content_object_id FROM athlete_grants granted
            WHERE granted.user_id = me AND granted.expires_at > now();
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_governance")]

    operations = [
        migrations.RunPython(before.on_postgres(QUICK), before.on_postgres(before.FUNCTIONS), elidable=False),
    ]
