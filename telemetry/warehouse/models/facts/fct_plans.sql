-- A plan through its life: the first time of each step, who had it then, and what was changed until it was accepted.
with first as (
    select distinct on (plan_id)
        plan_id, athlete, coach_id, experiment_arm, algorithm_version, pipeline, is_synthetic
    from {{ ref("stg_plan_events") }}
    order by plan_id, time, id
),

steps as (
    select
        plan_id,
        min(time) filter (where type = 'plan.generated') as generated_at,
        min(time) filter (where type = 'plan.submitted') as submitted_at,
        min(time) filter (where type = 'plan.approved') as approved_at,
        min(time) filter (where type = 'plan.published') as published_at,
        min(time) filter (where type = 'plan.completed') as completed_at,
        min(time) filter (where type = 'plan.superseded') as superseded_at,
        count(*) filter (where type = 'plan.edited') as edits,
        count(*) filter (where type = 'plan.changes_requested') as requests_for_changes
    from {{ ref("stg_plan_events") }}
    group by plan_id
),

made as (
    select distinct on (plan_id) plan_id, race, grade, outcome, variant, preference
    from {{ ref("stg_plans_generated") }}
    order by plan_id, time, id
),

accepted as (
    select distinct on (plan_id) plan_id, changes, is_override
    from {{ ref("stg_plans_approved") }}
    order by plan_id, time, id
)

select
    first.*,
    steps.generated_at, steps.submitted_at, steps.approved_at, steps.published_at, steps.completed_at,
    steps.superseded_at, steps.edits, steps.requests_for_changes,
    made.race, made.grade, made.outcome, made.variant, made.preference,
    accepted.changes, accepted.is_override as accepted_by_administrator,
    least(steps.completed_at, steps.superseded_at) as ended_at,
    extract(epoch from (steps.submitted_at - steps.generated_at))::float8 / 3600 as hours_to_review,
    extract(epoch from (steps.approved_at - steps.submitted_at))::float8 / 3600 as hours_to_answer,
    extract(epoch from (steps.published_at - steps.approved_at))::float8 / 3600 as hours_to_publishing,
    extract(epoch from (steps.approved_at - steps.generated_at))::float8 / 3600 as hours_to_approval
from first
join steps on steps.plan_id = first.plan_id
left join made on made.plan_id = first.plan_id
left join accepted on accepted.plan_id = first.plan_id
