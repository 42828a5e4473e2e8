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
),

-- Each athlete once, so that they need only be counted: counting distinct ones took half of the time.
told as (
    select
        metric, week, athlete, coach_id, experiment_arm, pipeline, is_synthetic,
        sum(numerator) as numerator, sum(denominator) as denominator, sum(n) as n
    from facts
    where week is not null
    group by 1, 2, 3, 4, 5, 6, 7
)

select
    told.metric, told.week, told.coach_id, told.experiment_arm, told.pipeline,
    coalesce(athletes.sport, '') as sport,
    coalesce(athletes.level, '') as level,
    coalesce(athletes.tier, '') as tier,
    told.is_synthetic,
    sum(told.numerator) as numerator,
    sum(told.denominator) as denominator,
    sum(told.n) as n,
    count(told.athlete) as athletes
from told
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = told.athlete
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
