with

copied as (
    select * from {{ from_source('ops', 'commission_lines') }}
),

stg_ops__commission_lines as (
    select
        cast(line_id as varchar) as line_id,
        cast(settlement_id as varchar) as settlement_id,
        cast(line_no as integer) as line_no,
        cast(kind as varchar) as kind,
        cast(agency_code as varchar) as agency_code,
        cast(contract_id as varchar) as contract_id,
        cast(payment_event_id as varchar) as payment_event_id,
        cast(nth as integer) as nth,
        cast(original_line_id as varchar) as original_line_id,
        cast(source_code as varchar) as source_code,
        cast(payment_id as varchar) as payment_id,
        cast(loan_id as varchar) as loan_id,
        cast(case_id as varchar) as case_id,
        cast(placement_id as varchar) as placement_id,
        cast(batch_id as varchar) as batch_id,
        cast(value_date as date) as value_date,
        cast(currency as varchar) as currency,
        cast(tier as varchar) as tier,
        cast(rate_ppm as integer) as rate_ppm,
        cast(paid_to as varchar) as paid_to,
        cast(base_minor as bigint) as base_minor,
        cast(full_minor as bigint) as full_minor,
        cast(cut_minor as bigint) as cut_minor,
        cast(fee_minor as bigint) as fee_minor,
        cast(room_minor as bigint) as room_minor,
        cast(age_days as integer) as age_days,
        cast(placement_nth as integer) as placement_nth,
        cast(bucket as varchar) as bucket,
        cast(made_at as timestamp) as made_at
    from copied
)

select * from stg_ops__commission_lines
