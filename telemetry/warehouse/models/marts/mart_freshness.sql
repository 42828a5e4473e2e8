-- What the build rests on.
select
    {{ as_of() }} as as_of,
    count(*) filter (where reason is null) as events,
    count(*) filter (where reason is not null) as quarantined,
    max(time) filter (where reason is null) as newest_event,
    min(time) filter (where reason is null) as oldest_event,
    coalesce(max({{ is_synthetic() }}::int) filter (where reason is null), 0) = 1 as has_synthetic
from {{ ref("base_events") }} as told
{{ join_synthetic("(told.data ->> 'athlete')") }}
