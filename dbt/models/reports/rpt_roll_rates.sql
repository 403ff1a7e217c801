{% set changed = replace_partitions('month_end_date', feeds=['loans'], grain='month') %}

with

-- the last snapshot of each month of a source, and the one of the calendar month before
months as (
    select source_code, month_end_date, as_of_date, previous_month_date, is_month_complete
    from {{ ref('int_source_days') }}
    where is_last_of_month and previous_month_date is not null and {{ changed }}
),

started as (
    select months.month_end_date, months.as_of_date as end_date, months.is_month_complete, loans.*,
        {{ roll_state('loans') }} as from_state
    from months
    inner join {{ ref('int_loan_days') }} as loans
        on loans.source_code = months.source_code and loans.as_of_date = months.previous_month_date
),

ended as (
    select loans.source_code, loans.loan_id, loans.as_of_date, {{ roll_state('loans') }} as to_state
    from {{ ref('int_loan_days') }} as loans
    inner join months
        on months.source_code = loans.source_code and months.as_of_date = loans.as_of_date
),

-- who left before is no longer followed; who is not sent any more is an exit of its own, so that rows sum to 1
moved as (
    select
        started.month_end_date,
        started.is_month_complete,
        started.source_code,
        started.product_code,
        started.currency,
        started.from_state as from_bucket,
        coalesce(ended.to_state, 'absent') as to_bucket,
        count(*) as cases,
        sum(cast(started.balance_minor as decimal(28, 0))) as balance_minor
    from started
    left join ended
        on ended.source_code = started.source_code and ended.loan_id = started.loan_id
        and ended.as_of_date = started.end_date
    group by
        started.month_end_date, started.is_month_complete, started.source_code, started.product_code,
        started.currency, started.from_state, coalesce(ended.to_state, 'absent')
),

totals as (
    select
        *,
        sum(cases) over (partition by month_end_date, source_code, product_code, currency, from_bucket) as from_cases,
        sum(balance_minor) over (partition by month_end_date, source_code, product_code, currency, from_bucket)
            as from_balance_minor
    from moved
    -- asked of the sums, not of every loan
    where from_bucket in (select code from {{ ref('buckets') }})
),

rpt_roll_rates as (
    select
        cast(source_code as varchar) as source_code,
        cast(product_code as varchar) as product_code,
        cast(currency as varchar) as currency,
        cast(from_bucket as varchar) as from_bucket,
        cast(to_bucket as varchar) as to_bucket,
        cast(cases as bigint) as cases,
        cast(from_cases as bigint) as from_cases,
        {{ from_minor('balance_minor') }} as balance_start,
        {{ from_minor('from_balance_minor') }} as from_balance,
        {{ rate('cases', 'from_cases') }} as roll_rate_count,
        {{ rate('balance_minor', 'from_balance_minor') }} as roll_rate_balance,
        cast(is_month_complete as boolean) as is_month_complete,
        cast(month_end_date as date) as month_end_date
    from totals
)

select * from rpt_roll_rates
