-- An athlete as last described; who was never described is unknown, not missing.
with described as (
    select distinct on (athlete) athlete, coach_id, sport, level, tier, joined_on, is_synthetic
    from {{ ref("stg_athletes") }}
    order by athlete, time desc, id desc
),

seen as (
    select athlete, max(is_synthetic::int) = 1 as is_synthetic from {{ ref("stg_plan_events") }} group by athlete
)

select athlete, coach_id, sport, level, tier, joined_on, is_synthetic from described
union all
select seen.athlete, null, 'unknown', 'unknown', 'unknown', null, seen.is_synthetic
from seen
left join described on described.athlete = seen.athlete
where described.athlete is null
