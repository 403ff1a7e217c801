{% set changed = replace_partitions('business_date', feeds=['loans', 'placements', 'assignments']) %}

with

days as (
    select * from {{ ref('int_loan_days') }}
    where is_in_collection and {{ changed | replace('business_date', 'as_of_date') }}
),

source_days as (
    select * from {{ ref('int_source_days') }}
),

cases as (
    select * from {{ ref('dim_cases') }}
),

month_ends as (
    select source_code, loan_id, as_of_date, bucket
    from {{ ref('int_loan_days') }}
    where as_of_date in (
        select previous_month_date from {{ ref('int_source_days') }}
        where {{ changed | replace('business_date', 'as_of_date') }}
    )
),

custody as (
    select * from {{ ref('int_custody_periods') }}
),

ownership as (
    select * from {{ ref('int_ownership_periods') }}
),

fct_case_days as (
    select
        cast(cases.case_id as varchar) as case_id,
        cast(days.source_code as varchar) as source_code,
        cast(days.loan_id as varchar) as loan_id,
        cast(days.product_code as varchar) as product_code,
        cast(days.region_code as varchar) as region_code,
        cast(days.currency as varchar) as currency,
        cast(days.dpd as integer) as dpd,
        cast(days.bucket as varchar) as bucket,
        cast(month_ends.bucket as varchar) as prev_month_bucket,
        {{ from_minor('days.principal_minor', 'days.currency') }} as principal,
        {{ from_minor('days.interest_minor', 'days.currency') }} as interest,
        {{ from_minor('days.fees_minor', 'days.currency') }} as fees,
        {{ from_minor('days.penalty_minor', 'days.currency') }} as penalty,
        {{ from_minor('days.balance_minor', 'days.currency') }} as balance,
        cast(case when custody.agency_code is null then 'in_house' else 'agency' end as varchar) as custody,
        cast(ownership.collector_id as varchar) as owner_id,
        cast(custody.agency_code as varchar) as agency_code,
        cast(days.as_of_date as date) as business_date
    from days
    inner join cases
        on cases.source_code = days.source_code and cases.loan_id = days.loan_id
        and days.as_of_date >= cases.opened_date
        and days.as_of_date < coalesce(cases.closed_date, date '9999-12-31')
    inner join source_days
        on source_days.source_code = days.source_code and source_days.as_of_date = days.as_of_date
    left join month_ends
        on month_ends.source_code = days.source_code and month_ends.loan_id = days.loan_id
        and month_ends.as_of_date = source_days.previous_month_date
    left join custody
        on custody.source_code = days.source_code and custody.loan_id = days.loan_id
        and days.as_of_date >= custody.from_date and days.as_of_date < custody.to_date
    left join ownership
        on ownership.source_code = days.source_code and ownership.loan_id = days.loan_id
        and days.as_of_date >= ownership.from_date and days.as_of_date < ownership.to_date
)

select * from fct_case_days
