with

items as (
    select * from {{ ref('fct_reconciliation_items') }}
),

rpt_reconciliation as (
    select
        cast(business_date as date) as business_date,
        cast(source_code as varchar) as source_code,
        cast(currency as varchar) as currency,
        cast(kind as varchar) as kind,
        cast(state as varchar) as state,
        cast(count(*) as bigint) as items,
        {{ money('sum(coalesce(lender_amount, 0))') }} as lender_amount,
        {{ money('sum(coalesce(bank_amount, 0))') }} as bank_amount,
        {{ money('sum(difference)') }} as difference,
        cast(max(age_days) as integer) as oldest_age_days
    from items
    group by business_date, source_code, currency, kind, state
)

select * from rpt_reconciliation
