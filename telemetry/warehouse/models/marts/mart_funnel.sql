-- Plans by the week they were made in: how far they came, and where they wait.
select
    date_trunc('week', plans.generated_at)::date as week,
    plans.coach_id, plans.experiment_arm, plans.pipeline, plans.is_synthetic,
    count(*) as generated,
    count(plans.submitted_at) as reviewed,
    count(plans.approved_at) as approved,
    count(plans.published_at) as published,
    count(plans.completed_at) as completed,
    count(*) filter (where plans.submitted_at is null and plans.superseded_at is null) as waiting_for_review,
    min(plans.generated_at) filter (where plans.submitted_at is null and plans.superseded_at is null) as oldest_waiting,
    count(*) filter (
        where plans.submitted_at is not null and plans.approved_at is null and plans.superseded_at is null
    ) as waiting_for_answer,
    count(*) filter (
        where plans.approved_at is not null and plans.published_at is null and plans.superseded_at is null
    ) as waiting_for_publishing,
    count(*) filter (
        where plans.published_at is not null and plans.completed_at is null and plans.superseded_at is null
    ) as running,
    count(*) filter (where plans.superseded_at is not null and plans.completed_at is null) as replaced
from {{ ref("fct_plans") }} as plans
where plans.generated_at is not null
group by 1, 2, 3, 4, 5
