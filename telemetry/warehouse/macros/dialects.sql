{#- Where DuckDB and PostgreSQL differ; every model is written once. -#}

{%- macro prepare() -%}{{ return(adapter.dispatch('prepare')()) }}{%- endmacro -%}

{%- macro duckdb__prepare() -%}select 1{%- endmacro -%}

{#- PostgreSQL 15 has no TRY_CAST: a text that is no date is NULL here, and the event goes into quarantine. -#}
{%- macro postgres__prepare() -%}
create or replace function {{ target.schema }}.try_timestamp(word text) returns timestamptz language plpgsql immutable as
$$ begin return word::timestamptz; exception when others then return null; end $$;
create or replace function {{ target.schema }}.try_date(word text) returns date language plpgsql immutable as
$$ begin return word::date; exception when others then return null; end $$;
set timezone = 'UTC'
{%- endmacro -%}

{%- macro try_timestamp(word) -%}{{ return(adapter.dispatch('try_timestamp')(word)) }}{%- endmacro -%}
{%- macro duckdb__try_timestamp(word) -%}try_cast({{ word }} as timestamptz){%- endmacro -%}
{%- macro postgres__try_timestamp(word) -%}{{ target.schema }}.try_timestamp({{ word }}){%- endmacro -%}

{%- macro try_date(word) -%}{{ return(adapter.dispatch('try_date')(word)) }}{%- endmacro -%}
{%- macro duckdb__try_date(word) -%}try_cast({{ word }} as date){%- endmacro -%}
{%- macro postgres__try_date(word) -%}{{ target.schema }}.try_date({{ word }}){%- endmacro -%}

{#- Whether a member of an object is there, and whether it is of one of some kinds:
    'object', 'array', 'string', 'number', 'boolean', 'null'. NULL for a member that is not there. -#}
{%- macro is_kind(document, kinds, key=none) -%}{{ return(adapter.dispatch('is_kind')(document, kinds, key)) }}{%- endmacro -%}
{%- macro duckdb__is_kind(document, kinds, key) -%}
{%- set names = {
    "object": ["OBJECT"], "array": ["ARRAY"], "string": ["VARCHAR"], "boolean": ["BOOLEAN"], "null": ["NULL"],
    "number": ["BIGINT", "UBIGINT", "DOUBLE", "HUGEINT"],
} -%}
{%- set allowed = [] -%}
{%- for kind in kinds -%}{%- do allowed.extend(names[kind]) -%}{%- endfor -%}
json_type({{ document }}{% if key %}, '$."{{ key }}"'{% endif %}) in ('{{ allowed | join("', '") }}')
{%- endmacro -%}
{%- macro postgres__is_kind(document, kinds, key) -%}
jsonb_typeof({{ document }}{% if key %} -> '{{ key }}'{% endif %}) in ('{{ kinds | join("', '") }}')
{%- endmacro -%}

{#- A table expression with a column `item` of JSON for each element of an array; nothing for NULL. -#}
{%- macro elements(array) -%}{{ return(adapter.dispatch('elements')(array)) }}{%- endmacro -%}
{%- macro duckdb__elements(array) -%}
(select unnest(from_json({{ array }}, '["JSON"]')) as item)
{%- endmacro -%}
{%- macro postgres__elements(array) -%}
jsonb_array_elements({{ array }})
{%- endmacro -%}

{#- Text of a JSON value that is a string. -#}
{%- macro unquoted(item) -%}{{ return(adapter.dispatch('unquoted')(item)) }}{%- endmacro -%}
{%- macro duckdb__unquoted(item) -%}({{ item }} ->> '$'){%- endmacro -%}
{%- macro postgres__unquoted(item) -%}({{ item }} #>> '{}'){%- endmacro -%}
