-- int_payment_events follows the money of a payment over three events; a fourth would have to be followed too.
select further.event_id
from {{ ref('stg_ops__ledger_events') }} as further
inner join {{ ref('int_payment_events') }} as last_step on last_step.event_id = further.target_id
where last_step.steps = 3 and further.cause <> 'payment' and further.kind in ('receipt', 'reversal', 'refund')
