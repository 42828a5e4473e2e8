-- Predicted against raced, by grade of the model and race.
select
    races.week, coalesce(races.grade, '') as grade, races.race, races.pipeline, races.algorithm_version,
    races.experiment_arm, races.coach_id, races.is_synthetic,
    coalesce(athletes.sport, '') as sport,
    count(races.error_percent) as races,
    sum(races.error_percent) as error_percent_sum,
    sum(races.absolute_error_percent) as absolute_error_percent_sum,
    sum(races.error_percent * races.error_percent) as squared_error_percent_sum
from {{ ref("fct_races") }} as races
left join {{ ref("dim_athletes") }} as athletes on athletes.athlete = races.athlete
where races.error_percent is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
