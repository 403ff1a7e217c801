with

copied as (
    select * from {{ from_source('ops', 'commission_disputes') }}
),

stg_ops__commission_disputes as (
    select
        cast(dispute_id as varchar) as dispute_id,
        cast(settlement_id as varchar) as settlement_id,
        cast(line_id as varchar) as line_id,
        cast(nth as integer) as nth,
        cast(state as varchar) as state,
        cast(raised_at as timestamp) as raised_at,
        cast(answered_at as timestamp) as answered_at
    from copied
)

select * from stg_ops__commission_disputes
