-- Every event that came, each with why it is not used (`reason`), if it is not.
select
    told.id, told.source, told.type, told.subject, told.dataschema, told.time, told.recorded_at, told.data, told.file,
    faults.reason, faults.detail
from {{ source("raw", "events") }} as told
left join {{ ref("base_faults") }} as faults on faults.file = told.file and faults.row_in_file = told.row_in_file
where coalesce(told.recorded_at, {{ as_of() }}) <= {{ as_of() }}
