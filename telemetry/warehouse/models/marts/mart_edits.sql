-- What each saved edit did to a plan's minutes and load, in percent.
select
    edits.id, edits.week, edits.plan_id, edits.athlete, edits.coach_id,
    coalesce(edits.experiment_arm, '') as experiment_arm, edits.pipeline, edits.is_synthetic,
    coalesce(athletes.sport, '') as sport,
    edits.volume_percent, edits.load_percent
from {{ ref("stg_plans_edited") }} as edits
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = edits.athlete
