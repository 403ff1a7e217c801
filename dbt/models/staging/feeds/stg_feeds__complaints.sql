with

complaints as (
    {{ latest_by(
        from_source('raw', 'complaints'), ['source_code', 'complaint_id'],
        ['customer_id', 'loan_id', 'received_at', 'channel', 'kind', 'about', 'due_date', 'closed_at', 'outcome']
    ) }}
),

stg_feeds__complaints as (
    select
        cast(source_code as varchar) as source_code,
        cast(complaint_id as varchar) as complaint_id,
        cast(customer_id as varchar) as customer_id,
        cast(loan_id as varchar) as loan_id,
        cast(received_at as timestamp) as received_at,
        {{ business_date('received_at') }} as received_date,
        cast(channel as varchar) as channel,
        cast(kind as varchar) as kind,
        cast(about as varchar) as about,
        cast(due_date as date) as due_date,
        cast(closed_at as timestamp) as closed_at,
        cast(outcome as varchar) as outcome
    from complaints
    where version_rank = 1
)

select * from stg_feeds__complaints
