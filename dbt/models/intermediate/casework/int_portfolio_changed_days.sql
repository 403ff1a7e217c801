with

source_days as (
    select * from {{ ref('int_source_days') }}
),

-- cash is reported with the first snapshot on or after its value date
int_portfolio_changed_days as (
    select source_days.as_of_date as day
    from source_days
    where source_days.as_of_date >= {{ changed_from(['loans', 'placements', 'assignments']) }}
    union
    select source_days.as_of_date as day
    from source_days
    inner join {{ ref('int_repayment_changed_days') }} as repaid
        on repaid.day <= source_days.as_of_date
        and repaid.day > coalesce(source_days.previous_date, date '0001-01-01')
)

select cast(day as date) as day from int_portfolio_changed_days
