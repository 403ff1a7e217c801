with

items as (
    select
        *,
        case
            when kind in ('claim_without_payment', 'claim_differs', 'claimed_twice') then 'claim'
            when kind in (
                'report_without_payment', 'payment_not_reported', 'not_remitted', 'report_differs', 'reported_twice'
            ) then 'report'
            else 'bank'
        end as sides
    from {{ ref('fct_reconciliation_items') }}
),

rpt_reconciliation as (
    select
        cast(business_date as date) as business_date,
        cast(source_code as varchar) as source_code,
        cast(currency as varchar) as currency,
        cast(sides as varchar) as sides,
        cast(kind as varchar) as kind,
        cast(state as varchar) as state,
        cast(count(*) as bigint) as items,
        {{ money('sum(coalesce(lender_amount, 0))') }} as lender_amount,
        {{ money('sum(coalesce(bank_amount, 0))') }} as bank_amount,
        {{ money('sum(difference)') }} as difference,
        {{ money("sum(case when state in ('open', 'parked') then 0 else difference end)") }} as explained,
        {{ money("sum(case when state in ('open', 'parked') then difference else 0 end)") }} as unexplained,
        cast(max(age_days) as integer) as oldest_age_days
    from items
    group by business_date, source_code, currency, sides, kind, state
)

select * from rpt_reconciliation
