with

calls as (
    select * from {{ from_source('raw', 'calls') }}
),

stg_feeds__calls as (
    select
        cast(source_code as varchar) as source_code,
        cast(call_id as varchar) as call_id,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(agency_code as varchar) as agency_code,
        cast(channel as varchar) as channel,
        cast(direction as varchar) as direction,
        cast(started_at as timestamp) as started_at,
        cast(answered_at as timestamp) as answered_at,
        cast(talk_seconds as bigint) as talk_seconds,
        cast(outcome as varchar) as outcome,
        {{ business_date('started_at') }} as business_date,
        cast(extract(hour from {{ local_time('started_at') }}) as integer) as hour_local,
        cast(file_date as date) as file_date,
        cast(file_id as varchar) as file_id,
        cast(line_no as bigint) as line_no
    from calls
)

select * from stg_feeds__calls
