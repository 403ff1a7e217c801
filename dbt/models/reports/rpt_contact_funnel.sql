{% set changed = replace_partitions('business_date', days_in='int_funnel_changed_days') %}

with

source_days as (
    select * from {{ ref('int_source_days') }}
    where {{ changed | replace('business_date', 'as_of_date') }}
),

held as (
    select business_date, source_code, bucket, agency_code, currency, count(*) as cases_held
    from {{ ref('fct_case_days') }}
    where {{ changed }}
    group by business_date, source_code, bucket, agency_code, currency
),

attempted as (
    select
        attempts.business_date, attempts.source_code, attempts.channel, attempts.bucket, attempts.agency_code,
        cases.currency,
        count(distinct attempts.case_id) as cases_attempted,
        count(*) as attempts,
        sum(case when attempts.connected then 1 else 0 end) as connected,
        sum(case when attempts.right_party then 1 else 0 end) as right_party,
        sum(case when attempts.promised then 1 else 0 end) as promises
    from {{ ref('fct_contact_attempts') }} as attempts
    left join {{ ref('dim_cases') }} as cases on cases.case_id = attempts.case_id
    where {{ changed | replace('business_date', 'attempts.business_date') }}
    group by
        attempts.business_date, attempts.source_code, attempts.channel, attempts.bucket, attempts.agency_code,
        cases.currency
),

kept as (
    select business_date, source_code, channel, bucket, agency_code, currency, count(*) as promises_kept
    from {{ ref('fct_promises') }}
    where state = 'kept' and {{ changed }}
    group by business_date, source_code, channel, bucket, agency_code, currency
),

cash as (
    select
        source_days.as_of_date as business_date, repayments.source_code, repayments.bucket_at_value_date as bucket,
        repayments.agency_code, repayments.currency, sum(repayments.signed_amount) as net_cash
    from {{ ref('fct_repayments') }} as repayments
    inner join source_days
        on source_days.source_code = repayments.source_code
        and repayments.value_date <= source_days.as_of_date
        and repayments.value_date > coalesce(source_days.previous_date, date '0001-01-01')
    where repayments.case_id is not null
    group by
        source_days.as_of_date, repayments.source_code, repayments.bucket_at_value_date, repayments.agency_code,
        repayments.currency
),

-- what belongs to no channel (cases held, cash) stands in rows of the channel none, so that every column adds up
measured as (
    select business_date, source_code, 'none' as channel, bucket, agency_code, currency, cases_held,
        0 as cases_attempted, 0 as attempts, 0 as connected, 0 as right_party, 0 as promises, 0 as promises_kept,
        0 as net_cash
    from held
    union all
    select business_date, source_code, channel, bucket, agency_code, currency, 0, cases_attempted, attempts, connected,
        right_party, promises, 0, 0 from attempted
    union all
    select business_date, source_code, coalesce(channel, 'none'), bucket, agency_code, currency, 0, 0, 0, 0, 0, 0,
        promises_kept, 0 from kept
    union all
    select business_date, source_code, 'none', bucket, agency_code, currency, 0, 0, 0, 0, 0, 0, 0, net_cash from cash
),

rpt_contact_funnel as (
    select
        cast(source_code as varchar) as source_code,
        cast(channel as varchar) as channel,
        cast(bucket as varchar) as bucket,
        cast(agency_code as varchar) as agency_code,
        cast(currency as varchar) as currency,
        cast(sum(cases_held) as bigint) as cases_held,
        cast(sum(cases_attempted) as bigint) as cases_attempted,
        cast(sum(attempts) as bigint) as attempts,
        cast(sum(connected) as bigint) as connected,
        cast(sum(right_party) as bigint) as right_party,
        cast(sum(promises) as bigint) as promises,
        cast(sum(promises_kept) as bigint) as promises_kept,
        {{ money('sum(net_cash)') }} as net_cash,
        cast(business_date as date) as business_date
    from measured
    group by business_date, source_code, channel, bucket, agency_code, currency
)

select * from rpt_contact_funnel
