with

requests as (
    select * from {{ from_source('ops', 'case_requests') }}
),

stg_ops__case_requests as (
    select
        cast(case_request_id as varchar) as case_request_id,
        cast(approval_id as varchar) as request_id,
        cast(case_id as varchar) as case_id,
        cast(kind as varchar) as kind,
        cast(agency_code as varchar) as agency_code,
        cast(requested_by as varchar) as requested_by,
        cast(role_code as varchar) as role_code,
        cast(amount_minor as bigint) as amount_minor,
        cast(balance_minor as bigint) as balance_minor,
        cast(currency as varchar) as currency,
        cast(needs_asset as boolean) as needs_asset,
        cast(state as varchar) as state,
        cast(awaited_role as varchar) as awaited_role,
        cast(outcome as varchar) as outcome,
        {{ business_date('requested_at') }} as business_date,
        cast(requested_at as timestamp) as requested_at,
        cast(due_at as timestamp) as due_at,
        cast(escalated_at as timestamp) as escalated_at,
        cast(ended_at as timestamp) as ended_at
    from requests
)

select * from stg_ops__case_requests
