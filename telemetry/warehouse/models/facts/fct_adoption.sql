-- An athlete whose first thirty days are over: whether they had a plan made in them.
select
    athletes.athlete,
    cast(null as varchar(64)) as plan_id,
    athletes.coach_id,
    cast(null as varchar(64)) as experiment_arm,
    cast(null as varchar(64)) as pipeline,
    athletes.is_synthetic,
    date_trunc('week', athletes.joined_on + 30)::date as week,
    (athletes.tier = 'elite')::int::float8 as is_elite,
    coalesce(min(plans.generated_at::date) <= athletes.joined_on + 30, false)::int::float8 as has_tried
from {{ ref("dim_athletes") }} as athletes
left join {{ ref("fct_plans") }} as plans on plans.athlete = athletes.athlete
where athletes.joined_on + 30 < {{ today() }}
group by athletes.athlete, athletes.coach_id, athletes.is_synthetic, athletes.joined_on, athletes.tier
