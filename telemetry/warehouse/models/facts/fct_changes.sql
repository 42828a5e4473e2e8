-- A kind of thing that differed from what the machine proposed when the athlete accepted a plan.
with accepted as (
    select distinct on (plan_id) plan_id, changed
    from {{ ref("stg_plans_approved") }}
    order by plan_id, time, id
)

select distinct plan_id, kind
from ({{ items_of("accepted", ["plan_id"], "changed", "kind") }}) as entry
