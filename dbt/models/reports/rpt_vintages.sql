with

-- fixed pools: every loan once, as it was first seen
cohorts as (
    select
        {{ month_start('originated_date') }} as cohort_month, source_code, product_code, currency,
        count(*) as loans, sum(cast(original_principal_minor as decimal(28, 0))) as originated_minor
    from {{ ref('int_loans') }}
    where originated_date is not null and original_principal_minor is not null
    group by {{ month_start('originated_date') }}, source_code, product_code, currency
),

-- equal age only: a curve ends with the last whole month its source has sent (the last month where none is whole)
observed as (
    select source_code, coalesce(max(case when is_month_complete then month_end_date end), max(month_end_date)) as until_date
    from {{ ref('int_source_days') }}
    group by source_code
),

grid as (
    select cohorts.*, dates.date_day as month, {{ months_between('cohorts.cohort_month', 'dates.date_day') }} as months_on_book
    from cohorts
    inner join observed on observed.source_code = cohorts.source_code
    inner join {{ ref('dim_dates') }} as dates
        on dates.date_day = dates.month_start_date
        and dates.date_day >= cohorts.cohort_month and dates.date_day <= observed.until_date
),

-- a loan counts once, in its first spell that went so far
ever as (
    select source_code, loan_id, 30 as depth, reached_30_date as day, reached_30_balance as balance, spell_no
    from {{ ref('dim_cases') }} where reached_30_date is not null
    union all
    select source_code, loan_id, 90, reached_90_date, reached_90_balance, spell_no
    from {{ ref('dim_cases') }} where reached_90_date is not null
    union all
    select source_code, loan_id, 0, written_off_date, written_off_balance, spell_no
    from {{ ref('dim_cases') }} where written_off_date is not null
),

-- nearly every loan has one spell and needs no comparing
came_back as (
    select distinct source_code, loan_id from {{ ref('dim_cases') }} where spell_no > 1
),

firsts as (
    select ever.source_code, ever.loan_id, ever.depth, ever.day, ever.balance
    from ever
    where not exists (
        select 1 from came_back where came_back.source_code = ever.source_code and came_back.loan_id = ever.loan_id
    )
    union all
    select
        ever.source_code, ever.loan_id, ever.depth, {{ earliest_value('ever.day', 'ever.spell_no') }} as day,
        {{ earliest_value('ever.balance', 'ever.spell_no') }} as balance
    from ever
    inner join came_back on came_back.source_code = ever.source_code and came_back.loan_id = ever.loan_id
    group by ever.source_code, ever.loan_id, ever.depth
),

recovered as (
    select firsts.source_code, firsts.loan_id, repayments.value_date as day, repayments.signed_amount as amount
    from firsts
    inner join {{ ref('fct_repayments') }} as repayments
        on repayments.source_code = firsts.source_code and repayments.loan_id = firsts.loan_id
        and repayments.value_date > firsts.day
    where firsts.depth = 0
),

happened as (
    select source_code, loan_id, day, case when depth = 30 then 1 else 0 end as loans_30,
        case when depth = 30 then balance else 0 end as balance_30, case when depth = 90 then 1 else 0 end as loans_90,
        case when depth = 90 then balance else 0 end as balance_90, case when depth = 0 then balance else 0 end as net_loss
    from firsts
    union all
    select source_code, loan_id, day, 0, 0, 0, 0, -amount from recovered
),

by_month as (
    select
        {{ month_start('loans.originated_date') }} as cohort_month, loans.source_code, loans.product_code, loans.currency,
        {{ month_start('happened.day') }} as month,
        sum(loans_30) as loans_30, sum(balance_30) as balance_30, sum(loans_90) as loans_90,
        sum(balance_90) as balance_90, sum(net_loss) as net_loss
    from happened
    inner join {{ ref('int_loans') }} as loans
        on loans.source_code = happened.source_code and loans.loan_id = happened.loan_id
    group by {{ month_start('loans.originated_date') }}, loans.source_code, loans.product_code, loans.currency,
        {{ month_start('happened.day') }}
),

cumulated as (
    select
        grid.*,
        sum(coalesce(by_month.loans_30, 0)) over curve as ever_30_loans,
        sum(coalesce(by_month.balance_30, 0)) over curve as ever_30_balance,
        sum(coalesce(by_month.loans_90, 0)) over curve as ever_90_loans,
        sum(coalesce(by_month.balance_90, 0)) over curve as ever_90_balance,
        sum(coalesce(by_month.net_loss, 0)) over curve as net_charged_off
    from grid
    left join by_month
        on by_month.cohort_month = grid.cohort_month and by_month.source_code = grid.source_code
        and by_month.product_code = grid.product_code and by_month.currency = grid.currency
        and by_month.month = grid.month
    window curve as (
        partition by grid.cohort_month, grid.source_code, grid.product_code, grid.currency
        order by grid.month asc nulls last rows between unbounded preceding and current row
    )
),

rpt_vintages as (
    select
        cast(cohort_month as date) as cohort_month,
        cast(source_code as varchar) as source_code,
        cast(product_code as varchar) as product_code,
        cast(currency as varchar) as currency,
        cast(months_on_book as integer) as months_on_book,
        cast(loans as bigint) as loans,
        {{ from_minor('originated_minor') }} as originated,
        cast(ever_30_loans as bigint) as ever_30_loans,
        {{ money('ever_30_balance') }} as ever_30_balance,
        cast(ever_90_loans as bigint) as ever_90_loans,
        {{ money('ever_90_balance') }} as ever_90_balance,
        {{ money('net_charged_off') }} as net_charged_off,
        {{ rate('ever_30_balance', from_minor('originated_minor')) }} as cum_rate_30,
        {{ rate('ever_90_balance', from_minor('originated_minor')) }} as cum_rate_90
    from cumulated
)

select * from rpt_vintages
