{{ config(materialized="table") }}
-- Events that are not used, each with why. They are few: what is good is written nowhere a second time.
{%- set versions = var("schemas").versions %}
with known as not materialized (
    select * from {{ source("raw", "events") }} where coalesce(recorded_at, {{ as_of() }}) <= {{ as_of() }}
),

-- Few ids come twice: they alone are put in order.
copies as (
    select
        file, row_in_file, row_number() over (partition by id order by recorded_at nulls last, time, file, row_in_file) as copy
    from known
    where id in (select id from known group by id having count(*) > 1)
),

-- What the data and their members are, and the texts of some, read once.
read as materialized (
    select
        file, row_in_file, type_version, time, recorded_at,
        case
            when id is null or length(id) <> 36 then 'no id'
            when time is null then 'no time'
            when coalesce(subject, '') = '' then 'no subject'
            when coalesce(type, '') not in ('{{ var("schemas").types | join("', '") }}') then 'unknown type'
            when type_version not in ('{{ versions.keys() | join("', '") }}') then 'unknown version'
            when data is null then 'data: no JSON'
        end as broken,
        case type_version
            {%- for name, properties in versions.items() if properties %}
            when '{{ name }}' then {{ kinds_of("data", properties | map(attribute="name") | list) }}
            {%- endfor %}
        end::text as shape,
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
        type_version, shape,
        case
            when kinds[1] not in ({{ kind_names(["object"]) }}) then 'data: no object'
            else case type_version
                {%- for name, properties in versions.items() if properties %}
                when '{{ name }}' then {{ misfit(properties) }}
                {%- endfor %}
            end
        end as misfit
    from (select type_version, shape, shape::text[] as kinds from (select distinct type_version, shape from read) as seen) as told
),

judged as (
    select
        read.file, read.row_in_file,
        case
            when broken is not null then broken
            when shapes.misfit is not null then shapes.misfit
            else case read.type_version
                {%- for name, properties in versions.items() if worded(properties) %}
                when '{{ name }}' then {{ misword(properties) }}
                {%- endfor %}
            end
        end as detail,
        case
            when copies.copy > 1 then 'duplicate'
            when time > coalesce(recorded_at, {{ as_of() }}) + interval '{{ var("future_minutes") }} minutes' then 'future'
            when time < recorded_at - interval '{{ var("late_days") }} days' then 'late'
        end as otherwise
    from read
    left join shapes
        on shapes.type_version = read.type_version and shapes.shape = read.shape
    left join copies on copies.file = read.file and copies.row_in_file = read.row_in_file
)

select file, row_in_file, case when detail is not null then 'broken' else otherwise end as reason, detail
from judged
where detail is not null or otherwise is not null
