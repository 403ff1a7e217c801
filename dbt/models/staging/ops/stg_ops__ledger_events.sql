with

events as (
    select * from {{ from_source('ops', 'ledger_events') }}
),

stg_ops__ledger_events as (
    select
        cast(event_id as varchar) as event_id,
        cast(kind as varchar) as kind,
        cast(case_id as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(currency as varchar) as currency,
        cast(value_date as date) as value_date,
        cast(amount_minor as bigint) as amount_minor,
        cast(target_id as varchar) as target_id,
        cast(cause as varchar) as cause,
        cast(cause_id as varchar) as cause_id
    from events
)

select * from stg_ops__ledger_events
