{{ config(materialized="table") }}
-- Athletes who are described as synthetic; events about them are, whoever sent them.
select distinct (data ->> 'athlete') as athlete
from {{ source("raw", "events") }}
where type = 'athlete.described' and (data ->> 'is_synthetic') = 'true' and (data ->> 'athlete') is not null
