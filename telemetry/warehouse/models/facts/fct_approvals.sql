-- A plan that its athlete accepted: how long it took, and what was changed before.
select
    plan_id, athlete, coach_id, experiment_arm, pipeline, is_synthetic,
    date_trunc('week', approved_at)::date as week,
    hours_to_approval,
    changes,
    (changes = 0)::int::float8 as is_unchanged,
    edits::float8 as edits
from {{ ref("fct_plans") }}
where approved_at is not null and not coalesce(accepted_by_administrator, false)
