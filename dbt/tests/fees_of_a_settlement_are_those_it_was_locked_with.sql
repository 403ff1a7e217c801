-- What a locked settlement came to is the sum of its lines: net = fees + carried in, where that is above zero.
select settlement_id
from {{ ref('rpt_commission_settlement') }}
where net_amount is not null
    and (
        net_amount + carried_out - receivable_amount <> fees + carried_in
        or gross_amount <> net_amount + tax_amount
    )
