-- The service's hour as a whole: how long requests took, what caches had, how often it answered who asked from outside.
select distinct on (hour)
    cast(null as varchar(64)) as plan_id,
    cast(null as varchar(128)) as athlete,
    cast(null as varchar(128)) as coach_id,
    cast(null as varchar(64)) as experiment_arm,
    cast(null as varchar(64)) as pipeline,
    is_synthetic,
    hour,
    hour::date as day,
    date_trunc('week', hour)::date as week,
    requests, total_ms, cache_hits, cache_hits + cache_misses as cache_asked, probes, probes_answered
from {{ ref("stg_service_observed") }}
order by hour, time desc, id desc
