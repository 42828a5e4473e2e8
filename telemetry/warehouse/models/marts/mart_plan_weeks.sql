-- Adherence by plan and week.
select *, sessions_done / nullif(sessions_due, 0) as adherence from {{ ref("fct_plan_weeks") }}
