{{ config(materialized="table") }}
-- Every event that came, each with why it is not used (`reason`), if it is not.
with synthetic as (
    select distinct (data ->> 'athlete') as athlete
    from {{ source("raw", "events") }}
    where type = 'athlete.described' and (data ->> 'is_synthetic') = 'true'
),

raw as (
    select
        *,
        coalesce(type, '') || ':' || case
            when dataschema is null then '1' else split_part(dataschema, ':', 5)
        end as type_version,
        row_number() over (partition by id order by recorded_at nulls last, time, file, row_in_file) as copy
    from {{ source("raw", "events") }}
    where coalesce(recorded_at, {{ as_of() }}) <= {{ as_of() }}
),

checked as (
    select
        *,
        case
            when id is null or length(id) <> 36 then 'no id'
            when time is null then 'no time'
            when coalesce(subject, '') = '' then 'no subject'
            when coalesce(type, '') not in ({% for one in var("schemas").types %}'{{ one }}', {% endfor %}'') then 'unknown type'
            when type = '' or type is null then 'unknown type'
            when type_version not in ({% for one in var("schemas").versions %}'{{ one }}', {% endfor %}'') then 'unknown version'
            when data is null then 'data: no JSON'
            when not {{ is_kind("data", ["object"]) }} then 'data: no object'
            else case type_version
                {%- for name, properties in var("schemas").versions.items() %}
                when '{{ name }}' then {{ broken("data", properties) }}
                {%- endfor %}
                else null
            end
        end as broken
    from raw
)

select
    id, source, type, subject, dataschema, time, recorded_at, data, file,
    (coalesce(source, '') like '%/synthetic' or synthetic.athlete is not null) as is_synthetic,
    case
        when broken is not null then 'broken'
        when copy > 1 then 'duplicate'
        when time > coalesce(recorded_at, {{ as_of() }}) + interval '{{ var("future_minutes") }} minutes' then 'future'
        when time < recorded_at - interval '{{ var("late_days") }} days' then 'late'
    end as reason,
    broken as detail
from checked
left join synthetic on synthetic.athlete = (checked.data ->> 'athlete')
