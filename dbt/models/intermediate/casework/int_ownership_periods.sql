with

assignments as (
    select
        source_code,
        loan_id,
        assignment_id,
        collector_id,
        {{ business_date('assigned_at') }} as from_date,
        {{ business_date('ended_at') }} as ended_date,
        lead({{ business_date('assigned_at') }}) over (
            partition by source_code, loan_id order by assigned_at asc nulls last, assignment_id asc nulls last
        ) as next_from_date
    from {{ ref('stg_feeds__assignments') }}
),

-- a case has one collector at the close of a day: a later assignment ends the one before it
int_ownership_periods as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(assignment_id as varchar) as assignment_id,
        cast(from_date as date) as from_date,
        cast(
            least(coalesce(ended_date, date '9999-12-31'), coalesce(next_from_date, date '9999-12-31')) as date
        ) as to_date
    from assignments
)

select * from int_ownership_periods
where to_date > from_date
