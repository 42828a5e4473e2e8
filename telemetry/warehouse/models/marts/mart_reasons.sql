-- Why coaches change: edits by reason, with what they did to minutes and load.
select
    edits.week, edits.coach_id, coalesce(edits.experiment_arm, '') as experiment_arm, edits.pipeline,
    edits.is_synthetic,
    {{ unquoted("entry.item") }} as reason,
    count(*) as edits,
    sum(edits.volume_percent) as volume_percent_sum,
    count(edits.volume_percent) as volume_percent_n,
    sum(edits.load_percent) as load_percent_sum,
    count(edits.load_percent) as load_percent_n
from {{ ref("stg_plans_edited") }} as edits
cross join lateral {{ elements("edits.reasons") }} as entry(item)
group by 1, 2, 3, 4, 5, 6
