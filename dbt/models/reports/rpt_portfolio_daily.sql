{% set changed = replace_partitions('business_date', days_in='int_portfolio_changed_days') %}

with

source_days as (
    select * from {{ ref('int_source_days') }}
    where {{ changed | replace('business_date', 'as_of_date') }}
),

held as (
    select business_date, source_code, product_code, region_code, bucket, currency,
        count(*) as cases, sum(balance) as balance
    from {{ ref('fct_case_days') }}
    where {{ changed }}
    group by business_date, source_code, product_code, region_code, bucket, currency
),

opened as (
    select opened_date as business_date, source_code, product_code, region_code, opened_bucket as bucket, currency,
        count(*) as cases_opened
    from {{ ref('dim_cases') }}
    where {{ changed | replace('business_date', 'opened_date') }}
    group by opened_date, source_code, product_code, region_code, opened_bucket, currency
),

-- a case is counted as closed in the bucket it was last held in
closed as (
    select cases.closed_date as business_date, cases.source_code, cases.product_code, cases.region_code,
        coalesce(last_days.bucket, cases.opened_bucket) as bucket, cases.currency, count(*) as cases_closed
    from {{ ref('dim_cases') }} as cases
    inner join source_days
        on source_days.source_code = cases.source_code and source_days.as_of_date = cases.closed_date
    left join {{ ref('fct_case_days') }} as last_days
        on last_days.case_id = cases.case_id and last_days.business_date = source_days.previous_date
    group by cases.closed_date, cases.source_code, cases.product_code, cases.region_code,
        coalesce(last_days.bucket, cases.opened_bucket), cases.currency
),

cash as (
    select source_days.as_of_date as business_date, repayments.source_code, cases.product_code, cases.region_code,
        repayments.bucket_at_value_date as bucket, repayments.currency, sum(repayments.signed_amount) as net_cash
    from {{ ref('fct_repayments') }} as repayments
    inner join {{ ref('dim_cases') }} as cases on cases.case_id = repayments.case_id
    inner join source_days
        on source_days.source_code = repayments.source_code
        and repayments.value_date <= source_days.as_of_date
        and repayments.value_date > coalesce(source_days.previous_date, date '0001-01-01')
    group by source_days.as_of_date, repayments.source_code, cases.product_code, cases.region_code,
        repayments.bucket_at_value_date, repayments.currency
),

measured as (
    select business_date, source_code, product_code, region_code, bucket, currency,
        cases, balance, 0 as net_cash, 0 as cases_opened, 0 as cases_closed from held
    union all
    select business_date, source_code, product_code, region_code, bucket, currency,
        0, 0, 0, cases_opened, 0 from opened
    union all
    select business_date, source_code, product_code, region_code, bucket, currency,
        0, 0, 0, 0, cases_closed from closed
    union all
    select business_date, source_code, product_code, region_code, bucket, currency,
        0, 0, net_cash, 0, 0 from cash
),

rpt_portfolio_daily as (
    select
        cast(source_code as varchar) as source_code,
        cast(product_code as varchar) as product_code,
        cast(region_code as varchar) as region_code,
        cast(bucket as varchar) as bucket,
        cast(currency as varchar) as currency,
        cast(sum(cases) as bigint) as cases,
        {{ money('sum(balance)') }} as balance,
        {{ money('sum(net_cash)') }} as net_cash,
        cast(sum(cases_opened) as bigint) as cases_opened,
        cast(sum(cases_closed) as bigint) as cases_closed,
        cast(business_date as date) as business_date
    from measured
    group by business_date, source_code, product_code, region_code, bucket, currency
)

select * from rpt_portfolio_daily
