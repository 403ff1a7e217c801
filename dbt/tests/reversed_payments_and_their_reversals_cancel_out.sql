-- A reversal takes back what its payment brought, in the same case and bucket.
select taking.source_code, taking.payment_id
from {{ ref('fct_repayments') }} as taking
inner join {{ ref('fct_repayments') }} as original
    on original.source_code = taking.source_code and original.payment_id = taking.reverses_payment_id
where taking.kind = 'reversal' and taking.value_date >= {{ earliest_change() }}
    and (
        not original.is_reversed
        or coalesce(original.case_id, '') <> coalesce(taking.case_id, '')
        or coalesce(original.bucket_at_value_date, '') <> coalesce(taking.bucket_at_value_date, '')
    )
