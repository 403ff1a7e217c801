with

copied as (
    select * from {{ from_source('ops', 'agreements') }}
),

stg_ops__agreements as (
    select
        cast(agreement_id as varchar) as agreement_id,
        cast(case_id as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(kind as varchar) as kind,
        cast(condition as varchar) as condition,
        cast(agency_code as varchar) as agency_code,
        cast(currency as varchar) as currency,
        cast(state as varchar) as state,
        cast(is_counted as boolean) as is_counted,
        cast(balance_minor as bigint) as balance_minor,
        cast(waived_principal_minor as bigint) as waived_principal_minor,
        cast(waived_interest_minor as bigint) as waived_interest_minor,
        cast(waived_fees_minor as bigint) as waived_fees_minor,
        cast(waived_penalty_minor as bigint) as waived_penalty_minor,
        cast(waived_minor as bigint) as waived_minor,
        cast(to_pay_minor as bigint) as to_pay_minor,
        cast(paid_minor as bigint) as paid_minor,
        cast(left_minor as bigint) as left_minor,
        cast(short_minor as bigint) as short_minor,
        cast(missed as integer) as missed,
        cast(next_due_date as date) as next_due_date,
        cast(last_due_date as date) as last_due_date,
        cast(balance_date as date) as balance_date,
        cast(met_date as date) as met_date,
        cast(lapsed_date as date) as lapsed_date,
        cast(lapse_reason as varchar) as lapse_reason,
        cast(closes_as as varchar) as closes_as,
        cast(waiver_event_id as varchar) as waiver_event_id,
        cast(requested_at as timestamp) as requested_at,
        cast(granted_at as timestamp) as granted_at
    from copied
)

select * from stg_ops__agreements
