-- Events that no number rests on, with the reason; and files that could not be read.
select id, type, time, recorded_at, reason, detail, file from {{ ref("base_events") }} where reason is not null
union all
select null, null, null, null, 'unreadable file', detail, file from {{ source("raw", "unreadable") }}
