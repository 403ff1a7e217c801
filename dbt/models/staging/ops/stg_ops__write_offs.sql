with

copied as (
    select * from {{ from_source('ops', 'write_offs') }}
),

stg_ops__write_offs as (
    select
        cast(write_off_id as varchar) as write_off_id,
        cast(case_id as varchar) as case_id,
        cast(nth as integer) as nth,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(lender_code as varchar) as lender_code,
        cast(product_code as varchar) as product_code,
        cast(currency as varchar) as currency,
        cast(path as varchar) as path,
        cast(method as varchar) as method,
        cast(is_whole as boolean) as is_whole,
        cast(effective_date as date) as effective_date,
        cast(days_past_due as integer) as days_past_due,
        cast(approval_document as varchar) as approval_document,
        cast(state as varchar) as state,
        cast(event_id as varchar) as event_id,
        cast(gl_voucher as varchar) as gl_voucher,
        cast(claim_minor as bigint) as claim_minor,
        cast(approved_minor as bigint) as approved_minor,
        cast(booked_minor as bigint) as booked_minor,
        cast(later_minor as bigint) as later_minor,
        cast(recovered_minor as bigint) as recovered_minor,
        cast(remaining_minor as bigint) as remaining_minor,
        cast(requested_at as timestamp) as requested_at,
        cast(booked_at as timestamp) as booked_at,
        cast(reversed_at as timestamp) as reversed_at
    from copied
)

select * from stg_ops__write_offs
