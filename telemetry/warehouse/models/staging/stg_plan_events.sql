-- Every event about a plan with what it says of the plan.
select
    id, type, time, is_synthetic,
    (data ->> 'plan_id') as plan_id,
    (data ->> 'athlete') as athlete,
    (data ->> 'coach_id') as coach_id,
    coalesce(data ->> 'experiment_arm', '') as experiment_arm,
    (data ->> 'algorithm_version') as algorithm_version,
    (data ->> 'pipeline') as pipeline
from {{ ref("base_events") }}
where reason is null and (data ->> 'plan_id') is not null and type <> 'generation.settled'
