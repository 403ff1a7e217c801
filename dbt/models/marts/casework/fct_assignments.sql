with

fct_assignments as (
    select
        cast(assignment_id as varchar) as assignment_id,
        cast(case_id as varchar) as case_id,
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(nth as integer) as nth,
        cast(collector_id as varchar) as collector_id,
        cast(agency_code as varchar) as agency_code,
        cast(assigned_at as timestamp) as assigned_at,
        cast(ended_at as timestamp) as ended_at,
        cast(ended_date as date) as ended_date,
        cast(end_reason as varchar) as end_reason,
        cast(assigned_date as date) as business_date
    from {{ ref('stg_ops__assignments') }}
)

select * from fct_assignments
