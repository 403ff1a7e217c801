-- The macro that names a bucket and the seed that lists them say the same at every edge.
select code, from_day, to_day
from {{ ref('buckets') }}
where {{ bucket('from_day') }} <> code or {{ bucket('to_day') }} <> code
