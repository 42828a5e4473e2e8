-- A route's hour: requests, errors, and how many were answered within 200 ms.
with hours as (
    select distinct on (hour, route, method)
        hour, route, method, requests, client_errors, server_errors, latency, is_synthetic
    from {{ ref("stg_service_hours") }}
    order by hour, route, method, time desc, id desc
)

select
    cast(null as varchar(64)) as plan_id,
    cast(null as varchar(128)) as athlete,
    cast(null as varchar(128)) as coach_id,
    cast(null as varchar(64)) as experiment_arm,
    cast(null as varchar(64)) as pipeline,
    is_synthetic,
    hour,
    hour::date as day,
    date_trunc('week', hour)::date as week,
    route, method, requests, client_errors, server_errors,
    {% for edge in [5, 10, 20, 50, 100, 200] %}coalesce((latency ->> '{{ edge }}')::float8, 0){{ " + " if not loop.last }}{% endfor %} as within_200_ms
from hours
