-- A session of the plan that its athlete trains by: as last scheduled, and what became of it.
with schedules as (
    select plan_id, schedule, time, id from {{ ref("stg_plans_published") }} where schedule is not null
    union all
    select plan_id, schedule, time, id from {{ ref("stg_plans_updated") }} where schedule is not null
),

last_one as (
    select distinct on (plan_id) plan_id, id from schedules order by plan_id, time desc, id desc
),

latest as (
    select schedules.plan_id, schedules.schedule from schedules join last_one on last_one.id = schedules.id
),

scheduled as (
    select plan_id, session_id, {{ try_date("day") }} as planned_on
    from ({{ records_of("latest", ["plan_id"], "schedule", ["session_id", "day"]) }}) as entry
),

said as (
    select distinct on (session_id) session_id, status, rpe
    from {{ ref("stg_sessions_completed") }}
    order by session_id, time desc, id desc
)

select
    scheduled.session_id,
    scheduled.plan_id,
    plans.athlete,
    plans.coach_id,
    plans.experiment_arm,
    plans.pipeline,
    plans.is_synthetic,
    scheduled.planned_on,
    date_trunc('week', scheduled.planned_on)::date as week,
    said.status,
    said.rpe,
    case said.status when 'done' then 1.0 when 'partly' then 0.5 else 0.0 end::float8 as done,
    (
        scheduled.planned_on < {{ today() }}
        and (plans.completed_at is null or scheduled.planned_on <= plans.completed_at::date)
        and (plans.superseded_at is null or scheduled.planned_on < plans.superseded_at::date)
    ) as is_due
from scheduled
join {{ ref("fct_plans") }} as plans on plans.plan_id = scheduled.plan_id
left join said on said.session_id = scheduled.session_id
where scheduled.planned_on is not null
