-- What coaches change: accepted plans and in how many of them each kind of thing differs from what was proposed.
select
    approvals.week, approvals.coach_id, approvals.experiment_arm, approvals.pipeline, approvals.is_synthetic,
    coalesce(athletes.sport, '') as sport,
    count(distinct approvals.plan_id) as plans,
    sum(approvals.is_unchanged) as unchanged,
    sum(approvals.changes) as changes,
    {%- for kind in ["volume", "intensity", "session_type", "order", "rest_days", "strength", "notes"] %}
    count(distinct kinds_{{ kind }}.plan_id) as {{ kind if kind != "order" else "order_of_sessions" }}{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref("fct_approvals") }} as approvals
{%- for kind in ["volume", "intensity", "session_type", "order", "rest_days", "strength", "notes"] %}
left join {{ ref("fct_changes") }} as kinds_{{ kind }} on kinds_{{ kind }}.plan_id = approvals.plan_id and kinds_{{ kind }}.kind = '{{ kind }}'
{%- endfor %}
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = approvals.athlete
where approvals.changes is not null
group by 1, 2, 3, 4, 5, 6
