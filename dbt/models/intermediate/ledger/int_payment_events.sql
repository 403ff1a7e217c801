with

events as (
    select * from {{ ref('stg_ops__ledger_events') }}
),

-- what a payment did, found from it over the events that pass its money on or hand it back and that were decided here;
-- what the lender told of itself is a payment event of its own
following as (
    select event_id, target_id, kind from events
    where cause <> 'payment' and target_id is not null and kind in ('receipt', 'reversal', 'refund')
),

step_0 as (
    select
        payments.event_id,
        payments.kind as does,
        0 as steps,
        payments.source_code,
        -- what takes back money that went on has a further event for each place it went to, numbered: P1#1
        case
            when target.cause <> 'payment'
                then regexp_replace(substr(payments.cause_id, length(payments.source_code) + 2), '#[0-9]+$', '')
            else substr(payments.cause_id, length(payments.source_code) + 2)
        end as payment_id,
        case when target.cause <> 'payment' then 1 else 0 end as is_further,
        payments.loan_id,
        payments.kind,
        payments.value_date
    from events as payments
    left join events as target on target.event_id = payments.target_id
    where payments.cause = 'payment'
        and payments.value_date in (select changed.day from {{ ref('int_application_changed_days') }} as changed)
),

{% for step in [1, 2, 3] -%}
step_{{ step }} as (
    select
        following.event_id,
        following.kind as does,
        {{ step }} as steps,
        before.source_code,
        before.payment_id,
        before.is_further,
        before.loan_id,
        before.kind,
        before.value_date
    from following
    inner join step_{{ step - 1 }} as before on before.event_id = following.target_id
),

{% endfor -%}
steps as (
    select * from step_0
    union all
    select * from step_1
    union all
    select * from step_2
    union all
    select * from step_3
),

int_payment_events as (
    select
        cast(event_id as varchar) as event_id,
        cast(does as varchar) as does,
        cast(steps as integer) as steps,
        cast(source_code as varchar) as source_code,
        cast(payment_id as varchar) as payment_id,
        -- the loan of the payment itself, wherever its money went on to
        cast(
            first_value(loan_id) over (
                partition by source_code, payment_id
                order by steps asc nulls last, is_further asc nulls last, event_id asc nulls last
            ) as varchar
        ) as loan_id,
        cast(kind as varchar) as kind,
        cast(value_date as date) as value_date
    from steps
)

select * from int_payment_events
