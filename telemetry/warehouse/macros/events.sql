{#- Members whose text says more than their kind: a date may be none, a number may fit nowhere. -#}
{%- macro worded(properties) -%}
{%- set found = [] -%}
{%- for one in properties -%}
    {%- if one.format in ("date", "date-time") or "number" in one.kinds -%}{%- do found.append(one) -%}{%- endif -%}
{%- endfor -%}
{{ return(found) }}
{%- endmacro -%}

{#- The first member that is missing or of another kind, from `kinds` of the document and of the properties in their order; NULL for none. -#}
{%- macro misfit(properties) -%}
case
{%- for one in properties %}
    when not coalesce(kinds[{{ loop.index + 1 }}] in ({{ kind_names(one.kinds) }}), {{ "false" if one.required else "true" }})
        then '{{ one.name }}: {{ "missing or " if one.required }}no {{ one.kinds | join(" or ") }}'
{%- endfor %}
end
{%- endmacro -%}

{#- The first member whose text no database takes, from `words` in the order of `worded`; NULL for none. -#}
{%- macro misword(properties) -%}
case
{%- for one in worded(properties) %}
    {%- set word = "words[" ~ loop.index ~ "]" %}
    {%- if one.format == "date" %}
    when {{ word }} is not null and {{ try_date(word) }} is null then '{{ one.name }}: no date'
    {%- elif one.format == "date-time" %}
    when {{ word }} is not null and {{ try_timestamp(word) }} is null then '{{ one.name }}: no time'
    {%- else %}
    when length({{ word }}) > 24 or lower({{ word }}) like '%e%' and lower({{ word }}) not like '%e-__'
        then '{{ one.name }}: no number that fits'
    {%- endif %}
{%- endfor %}
end
{%- endmacro -%}

{#- Whether an event is synthetic, by its source and by its athlete: a column, and the join that it needs. -#}
{%- macro is_synthetic() -%}(coalesce(source, '') like '%/synthetic' or synthetic.athlete is not null){%- endmacro -%}
{%- macro join_synthetic(athlete) -%}
left join {{ ref("base_synthetic") }} as synthetic on synthetic.athlete = {{ athlete }}
{%- endmacro -%}

{#- Good events of one type with the columns that are asked for: {name: text | number | boolean | date | timestamp | json}. -#}
{%- macro staged(type, columns) -%}
{%- set names = columns.keys() | list -%}
with read as (
    select *, {{ words_of("data", names) }} as words
    from {{ ref("base_events") }}
    where type = '{{ type }}' and reason is null
)

select
    id,
    subject,
    time,
    time::date as day,
    date_trunc('week', time)::date as week,
    {{ is_synthetic() if "athlete" in names else "coalesce(source, '') like '%/synthetic'" }} as is_synthetic
    {%- for name, as_ in columns.items() %}
    {%- set word = "words[" ~ loop.index ~ "]" %},
    {% if as_ == "text" -%} {{ word }}
    {%- elif as_ == "number" -%} {{ word }}::float8
    {%- elif as_ == "boolean" -%} {{ word }}::boolean
    {%- elif as_ == "date" -%} {{ try_date(word) }}
    {%- elif as_ == "timestamp" -%} {{ try_timestamp(word) }}
    {%- elif as_ == "json" -%} case when {{ is_kind("data", ["array", "object"], name) }} then data -> '{{ name }}' end
    {%- endif %} as {{ "planned_on" if name == "day" else name }}
    {%- endfor %}
from read
{%- if "athlete" in names %}
{{ join_synthetic("words[" ~ (names.index("athlete") + 1) ~ "]") }}
{%- endif %}
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
{%- macro as_of() -%}timestamptz '{{ env_var("WAREHOUSE_AS_OF", "1970-01-01T00:00:00+00:00") }}'{%- endmacro -%}
{%- macro today() -%}({{ as_of() }})::date{%- endmacro -%}
