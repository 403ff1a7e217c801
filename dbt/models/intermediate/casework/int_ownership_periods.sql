with

told as (
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

assignments as (
    select * from {{ ref('stg_ops__assignments') }}
),

-- the former system's collectors count until the house itself first places or assigns the loan
periods as (
    select
        told.source_code,
        told.loan_id,
        told.collector_id,
        told.assignment_id,
        told.from_date,
        least(
            coalesce(told.ended_date, date '9999-12-31'),
            coalesce(told.next_from_date, date '9999-12-31'),
            coalesce(acts.own_from, date '9999-12-31')
        ) as to_date,
        cast(null as timestamp) as assigned_at
    from told
    left join {{ ref('int_first_acts') }} as acts
        on acts.source_code = told.source_code and acts.loan_id = told.loan_id
    union all
    select source_code, loan_id, collector_id, assignment_id, assigned_date, coalesce(ended_date, date '9999-12-31'),
        assigned_at
    from assignments
),

-- a case has one collector at the close of a day: a later assignment ends the one before it
one_at_a_time as (
    select
        *,
        lead(from_date) over (
            partition by source_code, loan_id
            order by from_date asc nulls last, assigned_at asc nulls first, assignment_id asc nulls last
        ) as next_own_date
    from periods
    where to_date > from_date
),

int_ownership_periods as (
    select
        cast(source_code as varchar) as source_code,
        cast(loan_id as varchar) as loan_id,
        cast(collector_id as varchar) as collector_id,
        cast(assignment_id as varchar) as assignment_id,
        cast(from_date as date) as from_date,
        cast(least(to_date, coalesce(next_own_date, date '9999-12-31')) as date) as to_date
    from one_at_a_time
)

select * from int_ownership_periods
where to_date > from_date
