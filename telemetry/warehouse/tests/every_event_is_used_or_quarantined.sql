-- Nothing is lost on the way: what came in is good or in quarantine.
select came.n, kept.n
from (select count(*) as n from {{ source("raw", "events") }} where coalesce(recorded_at, {{ as_of() }}) <= {{ as_of() }}) as came
cross join (
    select (select count(*) from {{ ref("base_events") }} where reason is null)
        + (select count(*) from {{ ref("mart_quarantine") }} where reason <> 'unreadable file') as n
) as kept
where came.n <> kept.n
