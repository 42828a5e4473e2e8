-- A plan that was trained by and is over (race run, replaced, or its last session passed): how much of it was done.
with counted as (
    select
        plan_id,
        count(*) filter (where is_due)::float8 as sessions_due,
        coalesce(sum(done) filter (where is_due), 0) as sessions_done,
        max(planned_on) as last_day
    from {{ ref("fct_sessions") }}
    group by plan_id
)

select
    plans.plan_id, plans.athlete, plans.coach_id, plans.experiment_arm, plans.pipeline, plans.is_synthetic,
    date_trunc('week', coalesce(plans.ended_at::date, counted.last_day))::date as week,
    counted.sessions_due,
    counted.sessions_done,
    (counted.sessions_done > 0.5 * counted.sessions_due)::int::float8 as is_completed
from counted
join {{ ref("fct_plans") }} as plans on plans.plan_id = counted.plan_id
where counted.sessions_due > 0 and (plans.ended_at is not null or counted.last_day < {{ today() }})
