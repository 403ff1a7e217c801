{% set changed = replace_partitions('accounting_date', days_in='int_journal_changed_days') %}

with

lines as (
    select * from {{ ref('stg_ops__journal_lines') }}
    where {{ changed }}
),

entries as (
    select * from {{ ref('stg_ops__journal_entries') }}
    where {{ changed }}
),

-- an entry is reversed once
reversing as (
    select entry_id, reverses_entry_id from {{ ref('stg_ops__journal_entries') }}
    where reverses_entry_id is not null
),

-- a line moves an amount from one account to another: it is a leg of either
legs as (
    select lines.*, 'debit' as side, debit_account as account_code, amount_minor as signed_minor
    from lines
    union all
    select lines.*, 'credit' as side, credit_account as account_code, -amount_minor as signed_minor
    from lines
),

fct_journal_lines as (
    select
        cast(legs.entry_id as varchar) as entry_id,
        cast(legs.line_no as integer) as line_no,
        cast(legs.side as varchar) as side,
        cast(legs.account_code as varchar) as account_code,
        cast(accounts.account_number as varchar) as account_number,
        cast(legs.component as varchar) as component,
        cast(legs.currency as varchar) as currency,
        {{ from_minor('legs.amount_minor', 'legs.currency') }} as amount,
        {{ from_minor('legs.signed_minor', 'legs.currency') }} as signed_amount,
        cast(legs.case_id as varchar) as case_id,
        cast(legs.source_code as varchar) as source_code,
        cast(events.loan_id as varchar) as loan_id,
        cast(entries.event_id as varchar) as event_id,
        cast(events.kind as varchar) as event_kind,
        cast(events.cause as varchar) as cause,
        cast(events.cause_id as varchar) as cause_id,
        cast(entries.value_date as date) as value_date,
        cast(entries.posted_at as timestamp) as posted_at,
        cast(reversing.entry_id is not null as boolean) as is_reversed,
        cast(entries.reverses_entry_id as varchar) as reverses_entry_id,
        cast(entries.because_event_id as varchar) as because_event_id,
        cast(legs.accounting_date as date) as accounting_date
    from legs
    left join entries on entries.entry_id = legs.entry_id
    left join {{ ref('stg_ops__ledger_events') }} as events on events.event_id = entries.event_id
    left join reversing on reversing.reverses_entry_id = legs.entry_id
    left join {{ ref('accounts') }} as accounts on accounts.account_code = legs.account_code
)

select * from fct_journal_lines
