-- What payments took off the register by month adds up to what the register says came back.
with

by_month as (
    select vintage_month, source_code, currency, sum(recovered_amount) as recovered
    from {{ ref('rpt_write_off_vintages') }}
    group by vintage_month, source_code, currency
),

register as (
    select vintage_month, source_code, currency, sum(recovered_amount) as recovered
    from {{ ref('rpt_write_off_ledger') }}
    where is_standing
    group by vintage_month, source_code, currency
)

select register.vintage_month, register.source_code, register.currency
from register
left join by_month
    on by_month.vintage_month = register.vintage_month and by_month.source_code = register.source_code
        and by_month.currency = register.currency
where register.recovered <> coalesce(by_month.recovered, 0)
