with

requests as (
    select * from {{ ref('stg_ops__approval_requests') }}
),

decisions as (
    select * from {{ ref('stg_ops__approval_decisions') }}
),

-- approvals of earlier rounds lapsed when the request was submitted again
counted as (
    select
        decisions.request_id,
        sum(case when decisions.decision = 'return' then 1 else 0 end) as returns,
        sum(
            case
                when decisions.decision in ('approve', 'approve_last') and decisions.round_no = requests.round_no
                    then 1
                else 0
            end
        ) as approvals,
        sum(case when decisions.principal_id <> decisions.decided_by then 1 else 0 end) as delegated_decisions
    from decisions
    inner join requests on requests.request_id = decisions.request_id
    group by decisions.request_id
),

fct_approvals as (
    select
        cast(requests.request_id as varchar) as request_id,
        cast(requests.kind as varchar) as kind,
        cast(requests.object_type as varchar) as object_type,
        cast(requests.object_id as varchar) as object_id,
        cast(requests.maker_id as varchar) as maker_id,
        cast(requests.agency_code as varchar) as agency_code,
        {{ from_minor('requests.amount_minor', 'requests.currency') }} as amount,
        cast(requests.currency as varchar) as currency,
        cast(requests.is_flagged as boolean) as is_flagged,
        cast(requests.state as varchar) as state,
        cast(requests.awaited_role as varchar) as awaited_role,
        cast(requests.round_no as integer) as round_no,
        cast(requests.level_no as integer) as level_no,
        cast(coalesce(counted.approvals, 0) as integer) as approvals,
        cast(coalesce(counted.returns, 0) as integer) as returns,
        cast(coalesce(counted.delegated_decisions, 0) as integer) as delegated_decisions,
        cast(requests.business_date as date) as business_date,
        cast(requests.made_at as timestamp) as made_at,
        cast(requests.expires_at as timestamp) as expires_at,
        cast(requests.ended_at as timestamp) as ended_at
    from requests
    left join counted on counted.request_id = requests.request_id
)

select * from fct_approvals
