-- One row a plan with every metric of its own (D1 by plan).
with weeks as (
    select plan_id, sum(sessions_due) as sessions_due, sum(sessions_done) as sessions_done
    from {{ ref("fct_plan_weeks") }} group by plan_id
)

select
    plans.plan_id, plans.athlete, plans.coach_id, plans.experiment_arm, plans.algorithm_version, plans.pipeline,
    plans.race, plans.grade, plans.outcome, plans.is_synthetic,
    athletes.sport, athletes.level, athletes.tier,
    plans.generated_at, plans.submitted_at, plans.approved_at, plans.published_at, plans.completed_at,
    plans.superseded_at,
    case
        when plans.completed_at is not null then 'completed'
        when plans.superseded_at is not null then 'superseded'
        when plans.published_at is not null then 'published'
        when plans.approved_at is not null then 'approved'
        when plans.submitted_at is not null then 'submitted'
        else 'generated'
    end as stage,
    plans.hours_to_review, plans.hours_to_answer, plans.hours_to_publishing, plans.hours_to_approval,
    plans.edits, plans.requests_for_changes, plans.changes,
    weeks.sessions_due, weeks.sessions_done,
    weeks.sessions_done / nullif(weeks.sessions_due, 0) as adherence,
    ratings.score as satisfaction,
    races.predicted, races.raced, races.unit, races.error_percent, races.improvement_percent
from {{ ref("fct_plans") }} as plans
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = plans.athlete
left join weeks on weeks.plan_id = plans.plan_id
left join {{ ref("fct_ratings") }} as ratings on ratings.plan_id = plans.plan_id
left join {{ ref("fct_races") }} as races on races.plan_id = plans.plan_id
