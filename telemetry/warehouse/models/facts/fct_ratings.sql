-- An athlete's rating of a cycle, 1 to 5; the last word on a plan counts.
select distinct on (plan_id)
    plan_id, athlete, coach_id, coalesce(experiment_arm, '') as experiment_arm, pipeline, is_synthetic, week,
    score,
    (score >= 4)::int::float8 as is_satisfied
from {{ ref("stg_cycles_rated") }}
order by plan_id, time desc, id desc
