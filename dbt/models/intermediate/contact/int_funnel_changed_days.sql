with

promises as (
    select * from {{ ref('fct_promises') }}
),

days as (
    select day from {{ ref('int_call_changed_days') }}
    union
    select day from {{ ref('int_portfolio_changed_days') }}
    union
    -- whether a promise is kept depends on payments until it is judged
    select promises.business_date
    from promises
    inner join {{ ref('int_repayment_changed_days') }} as repaid
        on repaid.day >= promises.business_date and repaid.day <= promises.judged_date
    union
    -- and on later promises of the same loan
    select promises.business_date
    from promises
    inner join {{ ref('stg_feeds__promises') }} as changed_promises
        on changed_promises.source_code = promises.source_code and changed_promises.loan_id = promises.loan_id
    where changed_promises.file_date in (
        select partition_date from {{ from_source('raw', 'touched') }} where feed = 'promises'
    )
),

int_funnel_changed_days as (
    select distinct cast(day as date) as day from days
)

select * from int_funnel_changed_days
