with

repayments as (
    select * from {{ from_source('raw', 'repayments') }}
),

stg_feeds__repayments as (
    select
        cast(source_code as varchar) as source_code,
        cast(payment_id as varchar) as payment_id,
        cast(loan_id as varchar) as loan_id,
        cast(kind as varchar) as kind,
        cast(reverses_payment_id as varchar) as reverses_payment_id,
        cast(paid_at as timestamp) as paid_at,
        cast(value_date as date) as value_date,
        cast(posted_at as timestamp) as posted_at,
        cast(currency as varchar) as currency,
        cast(amount_minor as bigint) as amount_minor,
        cast(principal_minor as bigint) as principal_minor,
        cast(interest_minor as bigint) as interest_minor,
        cast(fees_minor as bigint) as fees_minor,
        cast(penalty_minor as bigint) as penalty_minor,
        cast(channel as varchar) as channel,
        cast(file_date as date) as file_date,
        cast(file_id as varchar) as file_id,
        cast(line_no as bigint) as line_no
    from repayments
)

select * from stg_feeds__repayments
