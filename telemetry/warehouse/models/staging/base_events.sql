{{ config(materialized="table") }}
-- Every event that came, each with why it is not used (`reason`), if it is not.
{%- set versions = var("schemas").versions %}
with synthetic as (
    select distinct (data ->> 'athlete') as athlete
    from {{ source("raw", "events") }}
    where type = 'athlete.described' and (data ->> 'is_synthetic') = 'true'
),

known as not materialized (
    select * from {{ source("raw", "events") }} where coalesce(recorded_at, {{ as_of() }}) <= {{ as_of() }}
),

-- Few ids come twice: they alone are put in order.
copies as (
    select
        file, row_in_file, row_number() over (partition by id order by recorded_at nulls last, time, file, row_in_file) as copy
    from known
    where id in (select id from known group by id having count(*) > 1)
),

-- What the members of the data are, and the texts of some, read once.
read as materialized (
    select
        told.*,
        (data ->> 'athlete') as athlete,
        case type_version
            {%- for name, properties in versions.items() if properties %}
            when '{{ name }}' then {{ kinds_of("data", properties | map(attribute="name") | list) }}
            {%- endfor %}
        end as kinds,
        case type_version
            {%- for name, properties in versions.items() if worded(properties) %}
            when '{{ name }}' then {{ words_of("data", worded(properties) | map(attribute="name") | list) }}
            {%- endfor %}
        end as words
    from (
        select
            *, coalesce(type, '') || ':' || case when dataschema is null then '1' else split_part(dataschema, ':', 5) end
                as type_version
        from known
    ) as told
),

-- A handful of shapes are judged, not each event.
shapes as (
    select
        type_version, kinds,
        case type_version
            {%- for name, properties in versions.items() if properties %}
            when '{{ name }}' then {{ misfit(properties) }}
            {%- endfor %}
        end as misfit
    from (select distinct type_version, kinds from read) as shape
),

checked as (
    select
        read.*,
        case
            when id is null or length(id) <> 36 then 'no id'
            when time is null then 'no time'
            when coalesce(subject, '') = '' then 'no subject'
            when coalesce(type, '') not in ('{{ var("schemas").types | join("', '") }}') then 'unknown type'
            when read.type_version not in ('{{ versions.keys() | join("', '") }}') then 'unknown version'
            when data is null then 'data: no JSON'
            when not {{ is_kind("data", ["object"]) }} then 'data: no object'
            when shapes.misfit is not null then shapes.misfit
            else case read.type_version
                {%- for name, properties in versions.items() if worded(properties) %}
                when '{{ name }}' then {{ misword(properties) }}
                {%- endfor %}
            end
        end as broken
    from read
    left join shapes
        on shapes.type_version = read.type_version and shapes.kinds is not distinct from read.kinds
)

select
    id, source, type, subject, dataschema, time, recorded_at, data, checked.file,
    (coalesce(source, '') like '%/synthetic' or synthetic.athlete is not null) as is_synthetic,
    case
        when broken is not null then 'broken'
        when copies.copy > 1 then 'duplicate'
        when time > coalesce(recorded_at, {{ as_of() }}) + interval '{{ var("future_minutes") }} minutes' then 'future'
        when time < recorded_at - interval '{{ var("late_days") }} days' then 'late'
    end as reason,
    broken as detail
from checked
left join copies on copies.file = checked.file and copies.row_in_file = checked.row_in_file
left join synthetic on synthetic.athlete = checked.athlete
