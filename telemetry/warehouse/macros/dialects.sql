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

{#- Whether a JSON value is of one of some kinds:
    'object', 'array', 'string', 'number', 'boolean', 'null'. NULL for what is not there. -#}
{%- macro is_kind(document, kinds, key=none) -%}{{ return(adapter.dispatch('is_kind')(document, kinds, key)) }}{%- endmacro -%}
{%- macro duckdb__is_kind(document, kinds, key) -%}
json_type({{ document }}{% if key %}, '$."{{ key }}"'{% endif %}) in ({{ kind_names(kinds) }})
{%- endmacro -%}
{%- macro postgres__is_kind(document, kinds, key) -%}
jsonb_typeof({{ document }}{% if key %} -> '{{ key }}'{% endif %}) in ({{ kind_names(kinds) }})
{%- endmacro -%}

{#- What a database calls these kinds. -#}
{%- macro kind_names(kinds) -%}{{ return(adapter.dispatch('kind_names')(kinds)) }}{%- endmacro -%}
{%- macro duckdb__kind_names(kinds) -%}
{%- set names = {
    "object": ["OBJECT"], "array": ["ARRAY"], "string": ["VARCHAR"], "boolean": ["BOOLEAN"], "null": ["NULL"],
    "number": ["BIGINT", "UBIGINT", "DOUBLE", "HUGEINT"],
} -%}
{%- set found = [] -%}
{%- for kind in kinds -%}{%- do found.extend(names[kind]) -%}{%- endfor -%}
'{{ found | join("', '") }}'
{%- endmacro -%}
{%- macro postgres__kind_names(kinds) -%}'{{ kinds | join("', '") }}'{%- endmacro -%}

{#- Kinds of a document and of some of its members, and texts of some: DuckDB reads the document once for all of them. -#}
{%- macro kinds_of(document, keys) -%}{{ return(adapter.dispatch('kinds_of')(document, keys)) }}{%- endmacro -%}
{%- macro duckdb__kinds_of(document, keys) -%}json_type({{ document }}, ['$', '$."{{ keys | join("\"', '$.\"") }}"']){%- endmacro -%}
{%- macro postgres__kinds_of(document, keys) -%}
array[jsonb_typeof({{ document }}){% for key in keys %}, jsonb_typeof({{ document }} -> '{{ key }}'){% endfor %}]
{%- endmacro -%}
{%- macro words_of(document, keys) -%}{{ return(adapter.dispatch('words_of')(document, keys)) }}{%- endmacro -%}
{%- macro duckdb__words_of(document, keys) -%}json_extract_string({{ document }}, ['$."{{ keys | join("\"', '$.\"") }}"']){%- endmacro -%}
{%- macro postgres__words_of(document, keys) -%}
array[{% for key in keys %}{{ document }} ->> '{{ key }}'{{ ", " if not loop.last }}{% endfor %}]
{%- endmacro -%}

{#- A SELECT of a row an element of an array of objects: some columns, and members as text; nothing for NULL. -#}
{%- macro records_of(relation, columns, array, members) -%}
{{ return(adapter.dispatch('records_of')(relation, columns, array, members)) }}
{%- endmacro -%}
{%- macro duckdb__records_of(relation, columns, array, members) -%}
select {{ columns | join(", ") }},
    unnest(from_json({{ array }}, '[{"{{ members | join('": "VARCHAR", "') }}": "VARCHAR"}]'), max_depth := 2)
from {{ relation }}
{%- endmacro -%}
{%- macro postgres__records_of(relation, columns, array, members) -%}
select {{ columns | join(", ") }}, told.*
from {{ relation }}
cross join lateral jsonb_to_recordset({{ array }}) as told({{ members | join(" text, ") }} text)
{%- endmacro -%}

{#- A SELECT of a row an element of an array of strings: some columns, and the string under a name; nothing for NULL. -#}
{%- macro items_of(relation, columns, array, name) -%}
{{ return(adapter.dispatch('items_of')(relation, columns, array, name)) }}
{%- endmacro -%}
{%- macro duckdb__items_of(relation, columns, array, name) -%}
select {{ columns | join(", ") }}, unnest(from_json({{ array }}, '["VARCHAR"]')) as {{ name }} from {{ relation }}
{%- endmacro -%}
{%- macro postgres__items_of(relation, columns, array, name) -%}
select {{ columns | join(", ") }}, told as {{ name }}
from {{ relation }}
cross join lateral jsonb_array_elements_text({{ array }}) as told
{%- endmacro -%}
