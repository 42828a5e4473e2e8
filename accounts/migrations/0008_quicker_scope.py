"""Who acts and how far they reach, in PL/pgSQL as well: planned once a connection.

Every policy of every table in a statement asks both, and as SQL functions that read a table they were planned each
time. What they answer is unchanged (`tests/access/test_three_walls.py`).
"""

import importlib

from django.db import migrations

before = importlib.import_module("accounts.migrations.0002_row_level_security")

QUICK = """
CREATE OR REPLACE FUNCTION app_role() RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT role FROM accounts_user
            WHERE id = nullif(current_setting('app.user_id', true), '')::uuid AND is_active);
END $$;

CREATE OR REPLACE FUNCTION app_reaches_all() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(nullif(nullif(current_setting('app.service', true), ''), 'public') IS NOT NULL, false)
        OR coalesce(app_role() = 'admin', false);
END $$;
"""
_FUNCTIONS = before.FUNCTIONS
SLOWER = _FUNCTIONS[_FUNCTIONS.index("CREATE OR REPLACE FUNCTION app_role") :].split(
    "CREATE OR REPLACE FUNCTION app_athletes"
)[0]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_quick_scope")]

    operations = [
        migrations.RunPython(before.on_postgres(QUICK), before.on_postgres(SLOWER), elidable=False),
    ]
