-- A plan's race: what was predicted and what was raced; a corrected result replaces the earlier one.
select distinct on (plan_id)
    plan_id, athlete, coach_id, coalesce(experiment_arm, '') as experiment_arm, pipeline, is_synthetic,
    algorithm_version, race, grade, unit, predicted, raced, before, raced_on,
    date_trunc('week', raced_on)::date as week,
    error_percent,
    abs(error_percent) as absolute_error_percent,
    improvement_percent
from {{ ref("stg_races") }}
where raced_on is not null
order by plan_id, time desc, id desc
