"""Erasure, legal holds and break-glass; histories that name nobody; names for who reads the audit log.

Rows of history cannot be erased, so they lose what describes a person: what a name or a year of birth was before, the
audit log tells as ciphertext. Dropped columns stay in PostgreSQL's pages until the table is rewritten (VACUUM FULL).

`app_athlete_names` and `app_athletes_named` give ids and names, nothing else, past row-level security, to those who
read the audit log: administrators, compliance, services.
"""

import common.clock
import common.ids
import common.models.base
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from common.db_operations import AppendOnly, RowLevelSecurity

FUNCTIONS = """
CREATE OR REPLACE FUNCTION app_reads_audit() RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT app_reaches_all() OR coalesce(app_role() = 'compliance', false) $$;

CREATE OR REPLACE FUNCTION app_athlete_names(wanted uuid[]) RETURNS TABLE (id uuid, name text) LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT athlete.id, athlete.name::text FROM accounts_athlete athlete
   WHERE athlete.id = ANY(wanted) AND app_reads_audit() $$;

CREATE OR REPLACE FUNCTION app_athletes_named(part text, most integer) RETURNS TABLE (id uuid, name text) LANGUAGE sql
STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT athlete.id, athlete.name::text FROM accounts_athlete athlete
   WHERE strpos(lower(athlete.name), lower(part)) > 0 AND app_reads_audit() ORDER BY athlete.name, athlete.id
   LIMIT most $$;
"""
DROP = """
DROP FUNCTION app_athletes_named(text, integer); DROP FUNCTION app_athlete_names(uuid[]);
DROP FUNCTION app_reads_audit();
"""
TABLES = ("break_glass", "erasure_requests", "legal_holds")
READERS = "(SELECT app_reads_audit())"
ALL = "(SELECT app_reaches_all())"
THEMSELVES = (
    "((SELECT app_role()) = 'athlete' AND athlete_id IN "
    "(SELECT id FROM accounts_athlete WHERE user_id = (SELECT app_user_id())))"
)


def keep_rows(apps, schema_editor):
    """Refuse DELETE: a row changes its state, and each change has its events, but none disappears."""
    on_postgres = schema_editor.connection.vendor == "postgresql"
    for table in TABLES:
        if on_postgres:
            body = "FOR EACH ROW EXECUTE FUNCTION append_only_refuse()"
        else:
            body = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are kept'); END"
        schema_editor.execute(f"CREATE TRIGGER keep_rows_{table} BEFORE DELETE ON {table} {body}", params=None)


def let_rows_go(apps, schema_editor):
    for table in TABLES:
        on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP TRIGGER keep_rows_{table}{on}", params=None)


def on_postgres(sql):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(sql)

    return run


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_grants'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='historicalathlete',
            name='birth_year',
        ),
        migrations.RemoveField(
            model_name='historicalathlete',
            name='name',
        ),
        migrations.RemoveField(
            model_name='historicalathlete',
            name='resting_heart_rate',
        ),
        migrations.RemoveField(
            model_name='historicalathlete',
            name='sex',
        ),
        migrations.RemoveField(
            model_name='historicaluser',
            name='email',
        ),
        migrations.RemoveField(
            model_name='historicaluser',
            name='name',
        ),
        migrations.CreateModel(
            name='BreakGlass',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('reason', common.models.base.CiphertextField(help_text="Encrypted under the administrator's key.")),
                ('expires_at', models.DateTimeField(editable=False)),
                ('closed_at', models.DateTimeField(editable=False, null=True)),
                ('reviewed_at', models.DateTimeField(editable=False, null=True)),
                ('reviewed_by_id', models.UUIDField(editable=False, null=True)),
                ('review_note', common.models.base.CiphertextField(help_text="Encrypted under the reviewer's key.", null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'break-glass',
                'verbose_name_plural': 'break-glass',
                'db_table': 'break_glass',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', '-expires_at'], name='break_glass_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='break_glass_ends'), models.CheckConstraint(condition=models.Q(models.Q(('reviewed_at', None), ('reviewed_by_id', None)), models.Q(('reviewed_at__isnull', False), ('reviewed_by_id__isnull', False), models.Q(('reviewed_by_id', models.F('user_id')), _negated=True)), _connector='OR'), name='break_glass_reviewed_by_another')],
            },
        ),
        migrations.CreateModel(
            name='ErasureRequest',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('requested_by_id', models.UUIDField(editable=False)),
                ('reason', common.models.base.CiphertextField(help_text="Encrypted under the athlete's key: it goes with the erasure.")),
                ('state', models.CharField(choices=[('open', 'Waiting for an administrator'), ('done', 'Erased'), ('refused', 'Refused')], default='open', max_length=8)),
                ('decided_by_id', models.UUIDField(editable=False, null=True)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('answer', common.models.base.CiphertextField(help_text="Why it was refused; encrypted under the athlete's key.", null=True)),
                ('report', models.JSONField(default=dict)),
                ('athlete', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erasure_requests', to='accounts.athlete')),
            ],
            options={
                'db_table': 'erasure_requests',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('athlete',), name='one_open_erasure_an_athlete'), models.UniqueConstraint(condition=models.Q(('state', 'done')), fields=('athlete',), name='erased_once'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'done', 'refused'])), name='erasure_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('decided_by_id', None), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('decided_at__isnull', False), ('decided_by_id__isnull', False)), _connector='OR'), name='erasure_decided_by_somebody'), models.CheckConstraint(condition=models.Q(('decided_by_id', None), models.Q(('state', 'done'), _negated=True), models.Q(('decided_by_id', models.F('requested_by_id')), _negated=True), _connector='OR'), name='erasure_takes_two')],
            },
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.UUIDField(default=common.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(default=common.clock.now, editable=False)),
                ('reason', common.models.base.CiphertextField(help_text="Encrypted under the athlete's key.")),
                ('placed_by_id', models.UUIDField(editable=False)),
                ('held_from', models.DateTimeField(default=common.clock.now, editable=False)),
                ('held_until', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(editable=False, help_text='Lifted by a person before its time.', null=True)),
                ('ended_by_id', models.UUIDField(editable=False, null=True)),
                ('athlete', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legal_holds', to='accounts.athlete')),
            ],
            options={
                'db_table': 'legal_holds',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['athlete', '-id'], name='legal_holds_of_athlete')],
                'constraints': [models.CheckConstraint(condition=models.Q(('held_until', None), ('held_until__gt', models.F('held_from')), _connector='OR'), name='hold_ends_after_it_starts'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ended_by_id', None)), models.Q(('ended_at__isnull', False), ('ended_by_id__isnull', False)), _connector='OR'), name='hold_lifted_by_somebody')],
            },
        ),
        # SQLite rebuilt the histories and lost their triggers.
        *(AppendOnly(f"accounts_{name}_history") for name in ("athlete", "user")),
        migrations.RunPython(keep_rows, let_rows_go),
        migrations.RunPython(on_postgres(FUNCTIONS), on_postgres(DROP)),
        RowLevelSecurity("erasure_requests", f"{READERS} OR {THEMSELVES}", f"{ALL} OR {THEMSELVES}"),
        RowLevelSecurity("legal_holds", READERS),
        RowLevelSecurity("break_glass", READERS),
    ]
