with

fct_complaints as (
    select
        cast(complaint_id as varchar) as complaint_id,
        cast(source_code as varchar) as source_code,
        cast(customer_id as varchar) as customer_id,
        cast(loan_id as varchar) as loan_id,
        cast(received_at as timestamp) as received_at,
        cast(received_date as date) as received_date,
        cast(channel as varchar) as channel,
        cast(kind as varchar) as kind,
        cast(due_date as date) as due_date,
        cast(closed_at as timestamp) as closed_at,
        cast(outcome as varchar) as outcome
    from {{ ref('stg_feeds__complaints') }}
)

select * from fct_complaints
