{% set changed = replace_partitions('value_date', days_in='int_repayment_changed_days') %}

with

-- the first content to arrive counts; later contents of the same payment are conflicts, shown by reconciliation
versions as (
    {{ ranked_versions(
        ref('stg_feeds__repayments'), ['source_code', 'payment_id'],
        [
            'loan_id', 'kind', 'reverses_payment_id', 'paid_at', 'value_date', 'posted_at', 'currency', 'amount_minor',
            'principal_minor', 'interest_minor', 'fees_minor', 'penalty_minor', 'channel', 'file_id', 'line_no'
        ],
        repeated=ref('int_repeated_payments'), repeated_by=['source_code', 'payment_id'], direction='asc', where=changed
    ) }}
),

payments as (
    select * from versions
    where version_rank = 1 and {{ changed }}
),

reversed as (
    select source_code, reverses_payment_id as payment_id, count(*) as reversals
    from {{ ref('int_reversals') }}
    where kind = 'reversal'
    group by source_code, reverses_payment_id
),

-- a reversal or refund belongs to the case and the agency of what it takes back
dated as (
    select
        payments.*,
        coalesce(taking.original_value_date, payments.value_date) as case_date,
        coalesce(reversed.reversals, 0) > 0 as is_reversed
    from payments
    left join {{ ref('int_reversals') }} as taking
        on taking.source_code = payments.source_code and taking.payment_id = payments.payment_id
    left join reversed
        on reversed.source_code = payments.source_code and reversed.payment_id = payments.payment_id
),

in_cases as (
    select
        dated.*,
        cases.case_id,
        cases.opened_bucket
    from dated
    left join {{ ref('dim_cases') }} as cases
        on cases.source_code = dated.source_code and cases.loan_id = dated.loan_id
        and dated.case_date >= cases.opened_date
        and dated.case_date <= coalesce(cases.closed_date, date '9999-12-31')
),

fct_repayments as (
    select
        cast(in_cases.source_code as varchar) as source_code,
        cast(in_cases.payment_id as varchar) as payment_id,
        cast(in_cases.loan_id as varchar) as loan_id,
        cast(in_cases.case_id as varchar) as case_id,
        cast(in_cases.kind as varchar) as kind,
        cast(in_cases.reverses_payment_id as varchar) as reverses_payment_id,
        cast(in_cases.paid_at as timestamp) as paid_at,
        cast({{ business_date('in_cases.posted_at') }} as date) as posted_date,
        cast(in_cases.currency as varchar) as currency,
        {{ from_minor('in_cases.amount_minor', 'in_cases.currency') }} as amount,
        {{ from_minor("case when in_cases.kind = 'payment' then in_cases.amount_minor else -in_cases.amount_minor end", 'in_cases.currency') }} as signed_amount,
        {{ from_minor('in_cases.principal_minor', 'in_cases.currency') }} as principal,
        {{ from_minor('in_cases.interest_minor', 'in_cases.currency') }} as interest,
        {{ from_minor('in_cases.fees_minor', 'in_cases.currency') }} as fees,
        {{ from_minor('in_cases.penalty_minor', 'in_cases.currency') }} as penalty,
        cast(in_cases.channel as varchar) as channel,
        cast(in_cases.is_reversed as boolean) as is_reversed,
        -- the bucket the cash was won from: that of the last snapshot before the value date
        cast(
            case when in_cases.case_id is not null then coalesce(case_days.bucket, in_cases.opened_bucket) end as varchar
        ) as bucket_at_value_date,
        cast(custody.agency_code as varchar) as agency_code,
        cast(in_cases.file_id as varchar) as file_id,
        cast(in_cases.line_no as bigint) as line_no,
        cast(in_cases.value_date as date) as value_date
    from in_cases
    left join {{ ref('int_source_days') }} as source_days
        on source_days.source_code = in_cases.source_code
        and source_days.as_of_date < in_cases.case_date
        and in_cases.case_date <= coalesce(source_days.next_date, date '9999-12-31')
    left join {{ ref('fct_case_days') }} as case_days
        on case_days.case_id = in_cases.case_id and case_days.business_date = source_days.as_of_date
    left join {{ ref('int_custody_periods') }} as custody
        on custody.source_code = in_cases.source_code and custody.loan_id = in_cases.loan_id
        and in_cases.case_date >= custody.from_date and in_cases.case_date < custody.to_date
)

select * from fct_repayments
