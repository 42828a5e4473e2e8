-- An athlete's week: what they did with their plan, and whether they were there four weeks before.
with acts as (
    select athlete, week, is_synthetic, coach_id, 'session' as act from {{ ref("stg_sessions_completed") }}
    union all
    select athlete, week, is_synthetic, coach_id, 'answer' from {{ ref("stg_plans_approved") }}
    union all
    select athlete, week, is_synthetic, coach_id, 'answer' from {{ ref("stg_changes_requested") }}
    union all
    select athlete, week, is_synthetic, coach_id, 'rating' from {{ ref("stg_cycles_rated") }}
    union all
    select athlete, week, is_synthetic, coach_id, 'import' from (
        select imports.athlete, imports.week, imports.is_synthetic, athletes.coach_id
        from {{ ref("stg_activities_imported") }} as imports
        left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = imports.athlete
    ) as imported
    union all
    select athlete, week, is_synthetic, coach_id, 'request' from {{ ref("fct_generations") }}
),

active as (
    select
        athlete, week, min(coach_id) as coach_id, max(is_synthetic::int) as is_synthetic,
        count(*)::float8 as acts,
        count(*) filter (where act = 'request')::float8 as requests
    from acts
    where athlete is not null
    group by athlete, week
),

reported as (
    select athlete, week, count(*)::float8 as reports
    from {{ ref("stg_reports") }} where athlete is not null group by athlete, week
),

rows_ as (
    select athlete, week from active
    union
    select athlete, (week + 28) from active where week + 28 <= date_trunc('week', {{ today() }})::date
    union
    select athlete, week from reported
)

select
    rows_.athlete,
    rows_.week,
    cast(null as varchar(64)) as plan_id,
    coalesce(active.coach_id, earlier.coach_id, athletes.coach_id) as coach_id,
    cast(null as varchar(64)) as experiment_arm,
    cast(null as varchar(64)) as pipeline,
    coalesce(active.is_synthetic, earlier.is_synthetic, athletes.is_synthetic::int, 0) = 1 as is_synthetic,
    (active.athlete is not null)::int::float8 as is_active,
    coalesce(active.acts, 0) as acts,
    coalesce(active.requests, 0) as requests,
    coalesce(reported.reports, 0) as reports,
    (earlier.athlete is not null)::int::float8 as was_active,
    (earlier.athlete is not null and active.athlete is not null)::int::float8 as is_retained
from rows_
left join active on active.athlete = rows_.athlete and active.week = rows_.week
left join active as earlier on earlier.athlete = rows_.athlete and earlier.week = rows_.week - 28
left join reported on reported.athlete = rows_.athlete and reported.week = rows_.week
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = rows_.athlete
