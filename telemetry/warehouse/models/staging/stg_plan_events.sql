{{ config(materialized="table") }}
-- Every event about a plan with what it says of the plan.
{%- set columns = ["plan_id", "athlete", "coach_id", "experiment_arm", "algorithm_version", "pipeline"] %}
with read as materialized (
    select id, type, time, source, {{ words_of("data", columns) }} as words
    from {{ ref("base_events") }}
    where reason is null and (type like 'plan.%' or type in ('session.completed', 'cycle.rated', 'race.result'))
)

select
    id, type, time, {{ is_synthetic() }} as is_synthetic,
    {%- for name in columns %}
    {{ "coalesce(words[%d], '')" % loop.index if name == "experiment_arm" else "words[%d]" % loop.index }} as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
from read
{{ join_synthetic("words[2]") }}
where words[1] is not null
