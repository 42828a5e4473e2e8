-- A kind of thing that differed from what the machine proposed when the athlete accepted a plan.
with accepted as (
    select distinct on (plan_id) plan_id, changed
    from {{ ref("stg_plans_approved") }}
    order by plan_id, time, id
)

select distinct accepted.plan_id, {{ unquoted("entry.item") }} as kind
from accepted
cross join lateral {{ elements("accepted.changed") }} as entry(item)
