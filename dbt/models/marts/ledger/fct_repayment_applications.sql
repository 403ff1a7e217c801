{% set changed = replace_partitions('value_date', days_in='int_application_changed_days') %}

with

events as (
    select * from {{ ref('int_payment_events') }}
    where {{ changed }}
),

-- what stands: neither an entry that was reversed nor the one that reverses it
standing as (
    select * from {{ ref('fct_journal_lines') }}
    where not is_reversed and reverses_entry_id is null
        -- the register of written-off claims stands outside the books; the recovery says the same amount in them
        and account_code not in ('written_off_claims', 'written_off_contra')
),

legs as (
    select
        events.source_code,
        events.payment_id,
        events.loan_id,
        events.kind,
        events.value_date,
        standing.case_id,
        standing.component,
        standing.currency,
        -standing.signed_amount as amount,
        case
            when substr(standing.account_code, 1, 7) = 'claims_' then 'applied'
            when standing.account_code in ('recovered', 'allowance') then 'recovered'
            when standing.account_code = 'suspense_case' then 'held'
            when standing.account_code = 'suspense_unmatched' then 'unmatched'
            when standing.account_code in ('cash', 'refunds_payable') then 'returned'
            else standing.account_code
        end as place
    from standing
    inner join events on events.event_id = standing.event_id
    -- of the money as it came or was taken back only where it went counts; what the house hands back is a place of it
    where standing.account_code <> 'cash' or (events.steps > 0 and events.does <> 'receipt')
),

placed as (
    select
        source_code,
        payment_id,
        loan_id,
        kind,
        value_date,
        -- money that is in no case is in none, and money that waits is of no component, wherever it went on to
        case when place not in ('outside', 'unmatched') then case_id end as case_id,
        place,
        case when place not in ('outside', 'unmatched', 'held') then component end as component,
        currency,
        amount
    from legs
),

fct_repayment_applications as (
    select
        cast(source_code as varchar) as source_code,
        cast(payment_id as varchar) as payment_id,
        cast(loan_id as varchar) as loan_id,
        cast(kind as varchar) as kind,
        cast(case_id as varchar) as case_id,
        cast(place as varchar) as place,
        cast(component as varchar) as component,
        cast(currency as varchar) as currency,
        {{ money('sum(amount)') }} as amount,
        cast(value_date as date) as value_date
    from placed
    group by source_code, payment_id, loan_id, kind, case_id, place, component, currency, value_date
    having sum(amount) <> 0
)

select * from fct_repayment_applications
