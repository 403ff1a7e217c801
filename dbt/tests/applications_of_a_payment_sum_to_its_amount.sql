-- Every payment event that is posted and was not cancelled stands applied, held, outside or returned to the minor unit.
with

events as (
    select * from {{ ref('stg_ops__ledger_events') }}
),

posted as (
    select
        steps.source_code,
        steps.payment_id,
        {{ from_minor("case when events.kind = 'receipt' then events.amount_minor else -events.amount_minor end", 'events.currency') }} as amount
    from {{ ref('int_payment_events') }} as steps
    inner join events on events.event_id = steps.event_id
    where steps.steps = 0 and events.cause_id = steps.source_code || '/' || steps.payment_id
        and not exists (
            select 1 from events as undoing where undoing.kind = 'cancellation' and undoing.target_id = steps.event_id
        )
),

applied as (
    select source_code, payment_id, sum(amount) as amount
    from {{ ref('fct_repayment_applications') }}
    where value_date >= {{ earliest_change() }}
    group by source_code, payment_id
)

select posted.source_code, posted.payment_id, posted.amount, applied.amount as applied
from posted
left join applied on applied.source_code = posted.source_code and applied.payment_id = posted.payment_id
where coalesce(applied.amount, 0) <> posted.amount
