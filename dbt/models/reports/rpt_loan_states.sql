{% set changed = replace_partitions('business_date', feeds=['loans']) %}

with

loans as (
    select * from {{ ref('int_loan_days') }}
    where {{ changed | replace('business_date', 'as_of_date') }}
),

rpt_loan_states as (
    select
        cast(source_code as varchar) as source_code,
        cast(product_code as varchar) as product_code,
        cast(currency as varchar) as currency,
        cast(status as varchar) as status,
        cast(bucket as varchar) as bucket,
        cast(count(*) as bigint) as loans,
        {{ money('sum(' ~ from_minor('original_principal_minor', 'currency') ~ ')') }} as original_principal,
        {{ money('sum(' ~ from_minor('balance_minor', 'currency') ~ ')') }} as balance,
        cast(as_of_date as date) as business_date
    from loans
    group by source_code, product_code, currency, status, bucket, as_of_date
)

select * from rpt_loan_states
