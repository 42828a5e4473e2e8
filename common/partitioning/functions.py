"""The functions in PostgreSQL that make and drop partitions.

They run with the rights of who owns the tables, so that the application, which owns none, can have coming months made
and old ones dropped, and nothing else: what they do depends on names of partitions and on months, never on SQL that is
given to them. Of append-only tables only a member of the owner's role may have one dropped.
"""

from __future__ import annotations

from typing import Final

MOST_MONTHS_AHEAD: Final = 13

_LIST: Final = """
CREATE OR REPLACE FUNCTION partition_list(parent text)
RETURNS TABLE (name text, low uuid, high uuid, is_rest boolean, bytes bigint, estimate bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT c.relname::text,
          substring(pg_get_expr(c.relpartbound, c.oid) FROM 'FROM \\(''([0-9a-f-]+)''\\)')::uuid,
          substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''([0-9a-f-]+)''\\)')::uuid,
          pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT',
          pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
   FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
   WHERE inhparent = to_regclass(quote_ident(parent)) ORDER BY 3 NULLS LAST $$
"""
_BOUND: Final = """
CREATE OR REPLACE FUNCTION partition_bound(month date) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT rpad(lpad(to_hex((extract(epoch FROM month::timestamp) * 1000)::bigint), 12, '0'), 32, '0')::uuid $$
"""
_KEY: Final = """
CREATE OR REPLACE FUNCTION partition_key(parent text) RETURNS text LANGUAGE plpgsql STABLE AS $body$
DECLARE found text;
BEGIN
    SELECT attname INTO found FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
        WHERE c.oid = to_regclass(quote_ident(parent)) AND p.partstrat = 'r' AND p.partnatts = 1
        AND a.atttypid = 'uuid'::regtype AND c.relowner = current_user::regrole;
    IF found IS NULL THEN
        RAISE EXCEPTION '% is no table of ours with partitions', parent USING ERRCODE = 'wrong_object_type';
    END IF;
    RETURN found;
END
$body$
"""
_PROTECT: Final = """
CREATE OR REPLACE FUNCTION partition_protect(parent text, name text) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE role text;
BEGIN
    FOR role IN SELECT DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
        FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(quote_ident(name)) AND grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM %s', name, role);
    END LOOP;
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('DROP POLICY IF EXISTS owner ON %I', name);
    EXECUTE format('CREATE POLICY owner ON %I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(parent))
               AND tgname = 'append_only_truncate_' || parent) THEN
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT '
                       'EXECUTE FUNCTION append_only_refuse()', 'append_only_truncate_' || name, name);
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', name, 'append_only_truncate_' || name);
    END IF;
END
$body$
"""
_MAKE: Final = """
CREATE OR REPLACE FUNCTION partition_make(parent text, month date) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE
    key text := partition_key(parent);
    name text := parent || '_' || to_char(month, 'YYYYMM');
    rest text := parent || '_rest';
    guard text := 'append_only_row_' || parent;
    lowest uuid := partition_bound(month);
    highest uuid := partition_bound((month + interval '1 month')::date);
    stray bigint;
BEGIN
    IF month <> date_trunc('month', month) OR month > (now() AT TIME ZONE 'UTC') + interval '%(most)s months' THEN
        RAISE EXCEPTION '%% is not the first of a month within reach', month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('LOCK TABLE ONLY %%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    IF EXISTS (SELECT FROM partition_list(parent) p WHERE NOT p.is_rest
               AND coalesce(p.low < highest, true) AND coalesce(p.high > lowest, true)) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %%I (LIKE %%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE '
                   'INCLUDING COMPRESSION)', name, parent);
    PERFORM partition_protect(parent, name);
    EXECUTE format('LOCK TABLE %%I IN ACCESS EXCLUSIVE MODE', rest);
    EXECUTE format('INSERT INTO %%I SELECT * FROM %%I WHERE %%I >= $1 AND %%I < $2', name, rest, key, key)
        USING lowest, highest;
    GET DIAGNOSTICS stray = ROW_COUNT;
    IF stray > 0 THEN
        -- They move, they do not go: the guard is lifted inside this transaction alone.
        IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(rest)) AND tgname = guard) THEN
            EXECUTE format('ALTER TABLE %%I DISABLE TRIGGER %%I', rest, guard);
        END IF;
        EXECUTE format('DELETE FROM %%I WHERE %%I >= $1 AND %%I < $2', rest, key, key) USING lowest, highest;
        IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(rest)) AND tgname = guard) THEN
            EXECUTE format('ALTER TABLE %%I ENABLE ALWAYS TRIGGER %%I', rest, guard);
        END IF;
    END IF;
    EXECUTE format('ALTER TABLE %%I ATTACH PARTITION %%I FOR VALUES FROM (%%L) TO (%%L)',
                   parent, name, lowest, highest);
    RETURN true;
END
$body$
""" % {"most": MOST_MONTHS_AHEAD}  # noqa: UP031  (braces and percent signs are SQL's)
_DROP: Final = """
CREATE OR REPLACE FUNCTION partition_drop(parent text, name text, expected bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $body$
DECLARE counted bigint;
BEGIN
    PERFORM partition_key(parent);
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(parent))
               AND tgname = 'append_only_row_' || parent)
       AND NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
        RAISE EXCEPTION 'table % is append-only: only its owner drops a partition', parent
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NOT EXISTS (SELECT FROM partition_list(parent) p WHERE p.name = partition_drop.name AND NOT p.is_rest
                   AND p.high <= partition_bound(date_trunc('month', now() AT TIME ZONE 'UTC')::date)) THEN
        RAISE EXCEPTION '% has no partition % that is over', parent, name USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', name);
    EXECUTE format('SELECT count(*) FROM %I', name) INTO counted;
    IF counted <> expected THEN
        RAISE EXCEPTION '% has % rows, not %', name, counted, expected USING ERRCODE = 'serialization_failure';
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, name);
    EXECUTE format('DROP TABLE %I', name);
END
$body$
"""
_REST: Final = """
CREATE OR REPLACE FUNCTION partition_rest(parent text) RETURNS TABLE (month date, n bigint) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $body$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT date_trunc(''month'', to_timestamp((''x'' || substr(replace(%I::text, ''-'', ''''), 1, 12))::bit(48)'
        '::bigint / 1000.0) AT TIME ZONE ''UTC'')::date, count(*) FROM %I GROUP BY 1 ORDER BY 1',
        partition_key(parent), parent || '_rest');
END
$body$
"""
SIGNATURES: Final = {
    "partition_list(text)": True,
    "partition_bound(date)": False,
    "partition_key(text)": False,
    "partition_protect(text, text)": False,
    "partition_make(text, date)": True,
    "partition_drop(text, text, bigint)": True,
    "partition_rest(text)": True,
}
"""What there is, and whether the application may call it."""


def making(app_role: str) -> list[str]:
    """Return the statements that make the functions, for who owns the tables."""
    statements = [_BOUND, _KEY, _LIST, _PROTECT, _MAKE, _DROP, _REST]
    for signature, is_called in SIGNATURES.items():
        statements.append(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        if is_called:
            statements.append(f"GRANT EXECUTE ON FUNCTION {signature} TO {app_role}")
    return statements


def removing() -> list[str]:
    """Return the statements that remove them."""
    return [f"DROP FUNCTION IF EXISTS {signature}" for signature in reversed(SIGNATURES)]
