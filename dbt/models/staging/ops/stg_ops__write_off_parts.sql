with

copied as (
    select * from {{ from_source('ops', 'write_off_parts') }}
),

stg_ops__write_off_parts as (
    select
        cast(write_off_id as varchar) as write_off_id,
        cast(component as varchar) as component,
        cast(case_id as varchar) as case_id,
        cast(is_live as boolean) as is_live,
        cast(claim_minor as bigint) as claim_minor,
        cast(approved_minor as bigint) as approved_minor,
        cast(booked_minor as bigint) as booked_minor,
        cast(earlier_minor as bigint) as earlier_minor,
        cast(later_minor as bigint) as later_minor,
        cast(recovered_minor as bigint) as recovered_minor,
        cast(ended_minor as bigint) as ended_minor,
        cast(remaining_minor as bigint) as remaining_minor
    from copied
)

select * from stg_ops__write_off_parts
