with

requests as (
    select * from {{ ref('stg_ops__case_requests') }}
),

fct_requests as (
    select
        cast(case_request_id as varchar) as case_request_id,
        cast(request_id as varchar) as request_id,
        cast(case_id as varchar) as case_id,
        cast(kind as varchar) as kind,
        cast(agency_code as varchar) as agency_code,
        cast(requested_by as varchar) as requested_by,
        cast(role_code as varchar) as role_code,
        {{ from_minor('amount_minor', 'currency') }} as amount,
        {{ from_minor('balance_minor', 'currency') }} as balance,
        cast(currency as varchar) as currency,
        cast(needs_asset as boolean) as needs_asset,
        cast(state as varchar) as state,
        cast(awaited_role as varchar) as awaited_role,
        cast(outcome as varchar) as outcome,
        cast(escalated_at is not null or coalesce(ended_at > due_at, false) as boolean) as was_late,
        cast(business_date as date) as business_date,
        cast(requested_at as timestamp) as requested_at,
        cast(due_at as timestamp) as due_at,
        cast(escalated_at as timestamp) as escalated_at,
        cast(ended_at as timestamp) as ended_at
    from requests
)

select * from fct_requests
