with

copied as (
    select * from {{ from_source('ops', 'agreement_instalments') }}
),

stg_ops__agreement_instalments as (
    select
        cast(agreement_id as varchar) as agreement_id,
        cast(nth as integer) as nth,
        cast(due_date as date) as due_date,
        cast(state as varchar) as state,
        cast(amount_minor as bigint) as amount_minor,
        cast(in_time_minor as bigint) as in_time_minor,
        cast(paid_minor as bigint) as paid_minor
    from copied
)

select * from stg_ops__agreement_instalments
