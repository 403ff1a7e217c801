-- A currency without decimals is divided by nothing: the project's list and the seed must agree.
select currency, decimals
from {{ ref('currencies') }}
where (decimals = 0) <> (currency in ('{{ var('whole_unit_currencies') | join("', '") }}'))
    or decimals not in (0, 2)
