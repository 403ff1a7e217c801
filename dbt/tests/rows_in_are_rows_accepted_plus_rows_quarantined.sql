-- Nothing a sender delivered disappears.
select business_date, feed, source_code
from {{ ref('rpt_data_health') }}
where rows_in <> rows_accepted + rows_quarantined
