-- A fit of the sample that was computed a second time, and whether that contradicts it; changed inputs tell nothing.
select distinct on (told.fit_id)
    cast(null as varchar(64)) as plan_id,
    told.athlete,
    athletes.coach_id,
    cast(null as varchar(64)) as experiment_arm,
    cast(null as varchar(64)) as pipeline,
    told.is_synthetic,
    told.fit_id,
    told.day,
    told.week,
    (told.outcome = 'contradicts')::int::float8 as is_contradicted,
    (told.outcome in ('agrees', 'contradicts'))::int::float8 as is_compared,
    told.deviation
from {{ ref("stg_recomputations") }} as told
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = told.athlete
order by told.fit_id, told.time desc, told.id desc
