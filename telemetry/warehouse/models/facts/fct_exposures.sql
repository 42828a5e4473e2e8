-- The first time that an experiment's variant was used for an athlete.
select distinct on (experiment, athlete)
    experiment, athlete, variant, coach as coach_id, coalesce(exposed_at, time) as exposed_at, is_synthetic
from {{ ref("stg_exposures") }}
order by experiment, athlete, coalesce(exposed_at, time), id
