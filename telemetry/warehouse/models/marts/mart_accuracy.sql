-- Predicted against raced, by grade of the model and race.
select
    week, coalesce(grade, '') as grade, race, pipeline, algorithm_version, experiment_arm, coach_id, is_synthetic,
    count(error_percent) as races,
    sum(error_percent) as error_percent_sum,
    sum(absolute_error_percent) as absolute_error_percent_sum,
    sum(error_percent * error_percent) as squared_error_percent_sum
from {{ ref("fct_races") }}
where error_percent is not null
group by 1, 2, 3, 4, 5, 6, 7, 8
