with

promises as (
    {{ latest_by(
        from_source('raw', 'promises'), ['source_code', 'promise_id'],
        ['loan_id', 'collector_id', 'agency_code', 'promised_at', 'due_date', 'amount_minor', 'currency', 'status', 'file_date']
    ) }}
),

stg_feeds__promises as (
    select
        cast(source_code as varchar) as source_code,
        cast(promise_id as varchar) as promise_id,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(agency_code as varchar) as agency_code,
        cast(promised_at as timestamp) as promised_at,
        {{ business_date('promised_at') }} as promised_date,
        cast(due_date as date) as due_date,
        cast(amount_minor as bigint) as amount_minor,
        cast(currency as varchar) as currency,
        cast(status as varchar) as status,
        cast(file_date as date) as file_date
    from promises
    where version_rank = 1
)

select * from stg_feeds__promises
