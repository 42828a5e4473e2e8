-- Why coaches change: edits by reason, with what they did to minutes and load.
{%- set columns = ["week", "coach_id", "experiment_arm", "pipeline", "is_synthetic", "volume_percent", "load_percent"] %}
select
    week, coach_id, coalesce(experiment_arm, '') as experiment_arm, pipeline, is_synthetic, reason,
    count(*) as edits,
    sum(volume_percent) as volume_percent_sum,
    count(volume_percent) as volume_percent_n,
    sum(load_percent) as load_percent_sum,
    count(load_percent) as load_percent_n
from ({{ items_of(ref("stg_plans_edited"), columns, "reasons", "reason") }}) as entry
group by 1, 2, 3, 4, 5, 6
