with

promises as (
    select
        *,
        lead(promised_at) over (
            partition by source_code, loan_id order by promised_at asc nulls last, promise_id asc nulls last
        ) as next_promised_at
    from {{ ref('stg_feeds__promises') }}
),

-- money counts from the promise to the end of grace, or to the next promise of the loan, which takes its place
dated as (
    select
        *,
        cast(due_date + interval '{{ var("promise_grace_days") }}' day as date) as judged_date,
        {{ business_date('next_promised_at') }} as next_promised_date
    from promises
),

paid as (
    select dated.source_code, dated.promise_id, sum(repayments.signed_amount) as paid_amount
    from dated
    inner join {{ ref('fct_repayments') }} as repayments
        on repayments.source_code = dated.source_code and repayments.loan_id = dated.loan_id
        and repayments.kind = 'payment' and not repayments.is_reversed
        and repayments.paid_at >= dated.promised_at
        and (dated.next_promised_at is null or repayments.paid_at < dated.next_promised_at)
        and repayments.value_date >= dated.promised_date
        and repayments.value_date <= dated.judged_date
    group by dated.source_code, dated.promise_id
),

-- the robot or person who got the promise: the last attempt of that day that ended in one
attempts as (
    select source_code, loan_id, business_date, started_at, channel, bucket, attempt_id
    from {{ ref('fct_contact_attempts') }}
    where promised
),

won as (
    select source_code, promise_id, channel, bucket
    from (
        select
            dated.source_code, dated.promise_id, attempts.channel, attempts.bucket,
            row_number() over (
                partition by dated.source_code, dated.promise_id
                order by attempts.started_at desc nulls last, attempts.attempt_id asc nulls last
            ) as rank_of_attempt
        from dated
        inner join attempts
            on attempts.source_code = dated.source_code and attempts.loan_id = dated.loan_id
            and attempts.business_date = dated.promised_date
            and attempts.started_at <= dated.promised_at
    ) as ranked
    where rank_of_attempt = 1
),

judged as (
    select
        dated.*,
        won.channel,
        won.bucket,
        {{ from_minor('dated.amount_minor', 'dated.currency') }} as amount,
        {{ money('coalesce(paid.paid_amount, 0)') }} as paid_amount
    from dated
    left join paid on paid.source_code = dated.source_code and paid.promise_id = dated.promise_id
    left join won on won.source_code = dated.source_code and won.promise_id = dated.promise_id
),

fct_promises as (
    select
        cast(judged.promise_id as varchar) as promise_id,
        cast(judged.source_code as varchar) as source_code,
        cast(judged.loan_id as varchar) as loan_id,
        cast(cases.case_id as varchar) as case_id,
        cast(judged.collector_id as varchar) as collector_id,
        cast(judged.agency_code as varchar) as agency_code,
        cast(judged.channel as varchar) as channel,
        cast(judged.bucket as varchar) as bucket,
        cast(judged.promised_at as timestamp) as promised_at,
        cast(judged.promised_date as date) as business_date,
        cast(judged.due_date as date) as due_date,
        cast(judged.judged_date as date) as judged_date,
        cast(judged.currency as varchar) as currency,
        judged.amount,
        judged.paid_amount,
        cast(
            case
                when judged.status = 'cancelled' then 'cancelled'
                when judged.paid_amount >= judged.amount * cast('{{ var("promise_kept_share") }}' as decimal(5, 4))
                    then 'kept'
                when judged.next_promised_date <= judged.judged_date then 'superseded'
                when judged.judged_date < {{ build_day() }} then 'broken'
                else 'open'
            end as varchar
        ) as state
    from judged
    left join {{ ref('dim_cases') }} as cases
        on cases.source_code = judged.source_code and cases.loan_id = judged.loan_id
        and judged.promised_date >= cases.opened_date
        and judged.promised_date <= coalesce(cases.closed_date, date '9999-12-31')
)

select * from fct_promises
