with

matches as (
    select * from {{ ref('stg_recon__matches') }}
),

breaks as (
    select * from {{ ref('stg_ops__breaks') }}
),

decisions as (
    select
        *,
        row_number() over (
            partition by break_id order by decided_at desc nulls last, decision_id desc nulls last
        ) as rank_of_decision
    from {{ ref('stg_ops__break_decisions') }}
),

items as (
    select
        match_id as item_id, 'matched' as kind, pass_name, source_code, currency, value_date,
        matched_date as business_date, lender_minor, bank_minor, cast(null as bigint) as recorded_minor,
        cast(null as bigint) as reported_minor, cast(null as bigint) as claimed_minor,
        difference_minor, 'matched' as state, cast(null as varchar) as decision, cast(null as varchar) as decided_by,
        cast(null as timestamp) as decided_at, matched_date as until_date, payment_ids, bank_line_ids,
        cast(null as varchar) as loan_id
    from matches
    union all
    select
        breaks.break_id, breaks.kind, cast(null as varchar), breaks.source_code, breaks.currency, breaks.value_date,
        breaks.opened_date, breaks.lender_minor, breaks.bank_minor, breaks.recorded_minor,
        breaks.reported_minor, breaks.claimed_minor,
        breaks.difference_minor, breaks.state, decisions.decision, decisions.decided_by,
        decisions.decided_at,
        case
            when breaks.state in ('open', 'parked') then {{ build_day() }}
            else coalesce({{ business_date('decisions.decided_at') }}, breaks.last_seen_date)
        end, breaks.payment_ids, breaks.bank_line_ids,
        breaks.loan_id
    from breaks
    left join decisions on decisions.break_id = breaks.break_id and decisions.rank_of_decision = 1
),

fct_reconciliation_items as (
    select
        cast(item_id as varchar) as item_id,
        cast(kind as varchar) as kind,
        cast(pass_name as varchar) as pass_name,
        cast(source_code as varchar) as source_code,
        cast(currency as varchar) as currency,
        cast(value_date as date) as value_date,
        cast(business_date as date) as business_date,
        {{ from_minor('lender_minor') }} as lender_amount,
        {{ from_minor('bank_minor') }} as bank_amount,
        {{ from_minor('recorded_minor') }} as recorded_amount,
        {{ from_minor('reported_minor') }} as reported_amount,
        {{ from_minor('claimed_minor') }} as claimed_amount,
        {{ from_minor('difference_minor') }} as difference,
        cast(state as varchar) as state,
        cast(decision as varchar) as decision,
        cast(decided_by as varchar) as decided_by,
        cast(decided_at as timestamp) as decided_at,
        cast({{ dbt.datediff('value_date', 'until_date', 'day') }} as integer) as age_days,
        cast(payment_ids as varchar) as payment_ids,
        cast(bank_line_ids as varchar) as bank_line_ids,
        cast(loan_id as varchar) as loan_id
    from items
)

select * from fct_reconciliation_items
