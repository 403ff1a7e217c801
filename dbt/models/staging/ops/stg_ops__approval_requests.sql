with

requests as (
    select * from {{ from_source('ops', 'approval_requests') }}
),

stg_ops__approval_requests as (
    select
        cast(request_id as varchar) as request_id,
        cast(kind as varchar) as kind,
        cast(object_type as varchar) as object_type,
        cast(object_id as varchar) as object_id,
        cast(maker_id as varchar) as maker_id,
        cast(agency_code as varchar) as agency_code,
        cast(amount_minor as bigint) as amount_minor,
        cast(currency as varchar) as currency,
        cast(flags_json <> '[]' as boolean) as is_flagged,
        cast(round_no as integer) as round_no,
        cast(level_no as integer) as level_no,
        cast(awaited_role as varchar) as awaited_role,
        cast(state as varchar) as state,
        {{ business_date('made_at') }} as business_date,
        cast(made_at as timestamp) as made_at,
        cast(expires_at as timestamp) as expires_at,
        cast(ended_at as timestamp) as ended_at
    from requests
)

select * from stg_ops__approval_requests
