-- Cash of a payment that went back takes its fee with it: a payment of which nothing counts any more earns nothing.
select payment_event_id, agency_code
from {{ ref('fct_commission_lines') }}
where payment_event_id is not null
group by payment_event_id, agency_code
having sum(base_amount) = 0 and sum(fee) <> 0
