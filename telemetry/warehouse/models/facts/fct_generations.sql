-- A request for a plan that came to an end.
select distinct on (generation_id)
    generation_id, plan_id, athlete, coach_id, coalesce(experiment_arm, '') as experiment_arm, pipeline, is_synthetic,
    week, day, outcome, preference, algorithm_version, latency_ms,
    (outcome <> 'ok')::int::float8 as is_bad,
    (preference <> '')::int::float8 as has_wish,
    (preference = 'advanced')::int::float8 as wants_advanced
from {{ ref("stg_generations") }}
order by generation_id, time, id
