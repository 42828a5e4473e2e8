-- A route's day.
select
    day, route, method, is_synthetic,
    sum(requests) as requests, sum(client_errors) as client_errors, sum(server_errors) as server_errors,
    sum(within_200_ms) as within_200_ms
from {{ ref("fct_service_hours") }}
group by 1, 2, 3, 4
