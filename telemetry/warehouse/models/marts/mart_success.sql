-- The metrics that have a target, week by week over the weeks that the target speaks of.
with weekly as (
    select metric, week, sum(numerator) as numerator, sum(denominator) as denominator, sum(n) as n,
        max(is_synthetic::int) as is_synthetic
    from {{ ref("mart_metrics_weekly") }} group by metric, week
),

targets as (
    {%- for name, metric in var("metrics").items() if metric.target %}
    select '{{ name }}' as metric, {{ metric.target.weeks }} as weeks,
        {% if metric.target.at_least is defined %}{{ metric.target.at_least }}{% else %}{{ metric.target.at_most }}{% endif %}::float8 as target,
        {{ "true" if metric.target.at_least is defined else "false" }} as at_least
    union all
    {%- endfor %}
    select null, null, null, null
),

rolled as (
    select
        weekly.metric, weekly.week, targets.weeks::bigint as weeks, targets.target, targets.at_least,
        sum(before.numerator) as numerator, sum(before.denominator) as denominator, sum(before.n) as n,
        max(before.is_synthetic) = 1 as is_synthetic
    from weekly
    join targets on targets.metric = weekly.metric
    join weekly as before
        on before.metric = weekly.metric
        and before.week <= weekly.week
        and before.week > weekly.week - 7 * targets.weeks
    where weekly.week <= {{ today() }}
    group by 1, 2, 3, 4, 5
)

select
    *,
    numerator / nullif(denominator, 0) as value,
    case
        when denominator = 0 then null
        when at_least then numerator / denominator >= target
        else numerator / denominator <= target
    end as is_met
from rolled
