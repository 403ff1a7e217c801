with

decisions as (
    select * from {{ from_source('ops', 'break_decisions') }}
),

stg_ops__break_decisions as (
    select
        cast(decision_id as varchar) as decision_id,
        cast(break_id as varchar) as break_id,
        cast(decision as varchar) as decision,
        cast(reason as varchar) as reason,
        cast(decided_by as varchar) as decided_by,
        cast(decided_at as timestamp) as decided_at
    from decisions
)

select * from stg_ops__break_decisions
