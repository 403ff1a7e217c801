with

write_offs as (
    select * from {{ ref('stg_ops__write_offs') }}
),

parts as (
    select * from {{ ref('stg_ops__write_off_parts') }}
),

rpt_write_off_ledger as (
    select
        cast(parts.write_off_id as varchar) as write_off_id,
        cast(parts.component as varchar) as component,
        cast(write_offs.case_id as varchar) as case_id,
        cast(write_offs.source_code as varchar) as source_code,
        cast(write_offs.loan_id as varchar) as loan_id,
        cast(write_offs.lender_code as varchar) as lender_code,
        cast(write_offs.product_code as varchar) as product_code,
        cast(write_offs.path as varchar) as path,
        cast(write_offs.method as varchar) as method,
        cast(write_offs.state as varchar) as state,
        cast(write_offs.state in ('booked', 'partly_recovered', 'recovered') as boolean) as is_standing,
        cast(write_offs.effective_date as date) as effective_date,
        cast({{ month_start('write_offs.effective_date') }} as date) as vintage_month,
        cast(write_offs.days_past_due as integer) as days_past_due,
        {{ from_minor('parts.claim_minor', 'write_offs.currency') }} as claim_amount,
        {{ from_minor('parts.approved_minor', 'write_offs.currency') }} as approved_amount,
        {{ from_minor('parts.booked_minor', 'write_offs.currency') }} as booked_amount,
        {{ from_minor('parts.earlier_minor', 'write_offs.currency') }} as charged_off_before,
        {{ from_minor('parts.later_minor', 'write_offs.currency') }} as charged_later,
        {{ from_minor('parts.recovered_minor', 'write_offs.currency') }} as recovered_amount,
        {{ from_minor('parts.ended_minor', 'write_offs.currency') }} as ended_amount,
        {{ from_minor('parts.remaining_minor', 'write_offs.currency') }} as remaining_amount,
        cast(write_offs.currency as varchar) as currency,
        cast(write_offs.approval_document as varchar) as approval_document,
        cast(write_offs.gl_voucher as varchar) as gl_voucher,
        cast(write_offs.event_id as varchar) as event_id,
        cast(write_offs.requested_at as timestamp) as requested_at,
        cast(write_offs.booked_at as timestamp) as booked_at,
        cast(write_offs.reversed_at as timestamp) as reversed_at
    from parts
    inner join write_offs on write_offs.write_off_id = parts.write_off_id
)

select * from rpt_write_off_ledger
