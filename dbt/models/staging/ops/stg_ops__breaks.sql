with

breaks as (
    select * from {{ from_source('ops', 'breaks') }}
),

stg_ops__breaks as (
    select
        cast(break_id as varchar) as break_id,
        cast(kind as varchar) as kind,
        cast(source_code as varchar) as source_code,
        cast(currency as varchar) as currency,
        cast(lender_minor as bigint) as lender_minor,
        cast(bank_minor as bigint) as bank_minor,
        cast(recorded_minor as bigint) as recorded_minor,
        cast(reported_minor as bigint) as reported_minor,
        cast(claimed_minor as bigint) as claimed_minor,
        cast(difference_minor as bigint) as difference_minor,
        cast(loan_id as varchar) as loan_id,
        cast({{ listed('payment_ids') }} as varchar) as payment_ids,
        cast({{ listed('bank_line_ids') }} as varchar) as bank_line_ids,
        cast(value_date as date) as value_date,
        cast(opened_date as date) as opened_date,
        cast(last_seen_date as date) as last_seen_date,
        cast(state as varchar) as state
    from breaks
)

select * from stg_ops__breaks
