-- Every metric by week, coach, variant, pipeline and kind of athlete: add numerators and denominators, then divide.
with facts as (
    {%- for name, metric in var("metrics").items() %}
    select
        '{{ name }}' as metric, week, athlete, coach_id, coalesce(experiment_arm, '') as experiment_arm,
        coalesce(pipeline, '') as pipeline, is_synthetic,
        ({{ metric.numerator }})::float8 as numerator,
        ({{ metric.denominator }})::float8 as denominator,
        ({{ metric.n }})::float8 as n
    from {{ ref(metric.facts) }}
    {%- if metric.where %}
    where {{ metric.where }}
    {%- endif %}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    facts.metric, facts.week, facts.coach_id, facts.experiment_arm, facts.pipeline,
    coalesce(athletes.sport, '') as sport,
    coalesce(athletes.level, '') as level,
    coalesce(athletes.tier, '') as tier,
    facts.is_synthetic,
    sum(facts.numerator) as numerator,
    sum(facts.denominator) as denominator,
    sum(facts.n) as n,
    count(distinct facts.athlete) as athletes
from facts
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = facts.athlete
where facts.week is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
