-- No staging model has an event twice: what is built on them counts events.
{%- set models = [
    "stg_plans_generated", "stg_plans_edited", "stg_plans_approved", "stg_changes_requested",
    "stg_plans_published", "stg_plans_updated", "stg_sessions_completed", "stg_cycles_rated",
    "stg_races", "stg_generations", "stg_athletes", "stg_activities_imported",
    "stg_exposures", "stg_reports", "stg_service_hours",
] %}
{%- for name in models %}
select '{{ name }}.id: not unique' as fault, id as value from {{ ref(name) }}
where id is not null group by id having count(*) > 1
{{ "union all" if not loop.last }}
{%- endfor %}
