with

decisions as (
    select * from {{ from_source('ops', 'approval_decisions') }}
),

stg_ops__approval_decisions as (
    select
        cast(request_id as varchar) as request_id,
        cast(nth as bigint) as nth,
        cast(decision as varchar) as decision,
        cast(round_no as bigint) as round_no,
        cast(decided_by as varchar) as decided_by,
        cast(role_code as varchar) as role_code,
        cast(principal_id as varchar) as principal_id,
        cast(decided_at as timestamp) as decided_at
    from decisions
)

select * from stg_ops__approval_decisions
