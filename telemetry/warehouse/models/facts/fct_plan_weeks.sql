-- A plan's week: sessions that were due, and how many of them were done (partly counts a half).
select
    plan_id, week, athlete, coach_id, experiment_arm, pipeline, is_synthetic,
    count(*)::float8 as sessions_due,
    sum(done) as sessions_done,
    count(*) filter (where status is null)::float8 as sessions_unknown
from {{ ref("fct_sessions") }}
where is_due
group by plan_id, week, athlete, coach_id, experiment_arm, pipeline, is_synthetic
