-- The weekly marts say what the facts say: adherence is added up once.
select mart.due, facts.due
from (select coalesce(sum(denominator), 0) as due from {{ ref("mart_metrics_weekly") }} where metric = 'adherence') as mart
cross join (select count(*) as due from {{ ref("fct_sessions") }} where is_due) as facts
where mart.due <> facts.due
