{#- What keeps an event of a type and version from being used; NULL where nothing does. From the schemas' own words. -#}
{%- macro broken(document, properties) -%}
case
{%- for property in properties %}
    {%- set fits = is_kind(document, property.kinds, property.name) %}
    {%- set word = "(" ~ document ~ " ->> '" ~ property.name ~ "')" %}
    when not coalesce({{ fits }}, {{ "false" if property.required else "true" }})
        then '{{ property.name }}: {{ "missing or " if property.required }}no {{ property.kinds | join(" or ") }}'
    {%- if property.format == "date" %}
    when {{ word }} is not null and {{ try_date(word) }} is null then '{{ property.name }}: no date'
    {%- elif property.format == "date-time" %}
    when {{ word }} is not null and {{ try_timestamp(word) }} is null then '{{ property.name }}: no time'
    {%- elif "number" in property.kinds %}
    when length({{ word }}) > 24 or lower({{ word }}) like '%e%' and lower({{ word }}) not like '%e-__' then '{{ property.name }}: no number that fits'
    {%- endif %}
{%- endfor %}
end
{%- endmacro -%}

{#- Good events of one type with the columns that are asked for: {name: text | number | boolean | date | timestamp | json}. -#}
{%- macro staged(type, columns) -%}
select
    id,
    subject,
    time,
    time::date as day,
    date_trunc('week', time)::date as week,
    is_synthetic
    {%- for name, as_ in columns.items() %}
    {%- set word = "(data ->> '" ~ name ~ "')" %},
    {% if as_ == "text" -%} {{ word }}
    {%- elif as_ == "number" -%} {{ word }}::float8
    {%- elif as_ == "boolean" -%} {{ word }}::boolean
    {%- elif as_ == "date" -%} {{ try_date(word) }}
    {%- elif as_ == "timestamp" -%} {{ try_timestamp(word) }}
    {%- elif as_ == "json" -%} case when {{ is_kind("data", ["array", "object"], name) }} then data -> '{{ name }}' end
    {%- endif %} as {{ "planned_on" if name == "day" else name }}
    {%- endfor %}
from {{ ref("base_events") }}
where type = '{{ type }}' and reason is null
{%- endmacro -%}

{#- What every event about a plan carries (D2). -#}
{%- macro plan_columns(more) -%}
{%- set columns = {
    "plan_id": "text", "athlete": "text", "coach_id": "text", "experiment_arm": "text", "algorithm_version": "text",
    "pipeline": "text", "version_number": "number",
} -%}
{%- do columns.update(more) -%}
{{ return(columns) }}
{%- endmacro -%}

{#- The moment the build is of. -#}
{%- macro as_of() -%}timestamptz '{{ var("as_of") }}'{%- endmacro -%}
{%- macro today() -%}({{ as_of() }})::date{%- endmacro -%}
