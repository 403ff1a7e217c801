-- Every payment on a case is reported once, with the first snapshot of its source on or after its value date.
with

paid as (
    select repayments.source_code, repayments.currency, sum(repayments.signed_amount) as net_cash
    from {{ ref('fct_repayments') }} as repayments
    inner join (
        select source_code, max(as_of_date) as last_date from {{ ref('int_source_days') }} group by source_code
    ) as sent on sent.source_code = repayments.source_code
    where repayments.case_id is not null and repayments.value_date <= sent.last_date
    group by repayments.source_code, repayments.currency
),

reported as (
    select source_code, currency, sum(net_cash) as net_cash
    from {{ ref('rpt_portfolio_daily') }}
    group by source_code, currency
)

select paid.source_code, paid.currency, paid.net_cash, reported.net_cash as reported
from paid
left join reported on reported.source_code = paid.source_code and reported.currency = paid.currency
where paid.net_cash <> coalesce(reported.net_cash, 0)
