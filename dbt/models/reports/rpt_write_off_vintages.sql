with

register as (
    select * from {{ ref('rpt_write_off_ledger') }}
    where is_standing
),

vintages as (
    select
        vintage_month, source_code, currency,
        sum(charged_off_before + booked_amount + charged_later) as written_off
    from register
    group by vintage_month, source_code, currency
),

-- a component of a case has one write-off that stands; what payments took off the register came back
recoveries as (
    select
        register.vintage_month, register.source_code, register.currency,
        {{ month_start('lines.value_date') }} as recovery_month,
        -lines.signed_amount as recovered
    from {{ ref('fct_journal_lines') }} as lines
    inner join register on register.case_id = lines.case_id and register.component = lines.component
    where lines.account_code = 'written_off_claims' and lines.event_kind in ('receipt', 'reversal', 'refund')
        and not lines.is_reversed and lines.reverses_entry_id is null
    union all
    select vintage_month, source_code, currency, vintage_month, 0
    from vintages
),

months as (
    select vintage_month, source_code, currency, recovery_month, sum(recovered) as recovered
    from recoveries
    group by vintage_month, source_code, currency, recovery_month
),

running as (
    select
        *,
        sum(recovered) over (
            partition by vintage_month, source_code, currency order by recovery_month nulls last
            rows between unbounded preceding and current row
        ) as recovered_to_date
    from months
),

rpt_write_off_vintages as (
    select
        cast(running.vintage_month as date) as vintage_month,
        cast(running.source_code as varchar) as source_code,
        cast(running.currency as varchar) as currency,
        cast(running.recovery_month as date) as recovery_month,
        {{ money('vintages.written_off') }} as written_off_amount,
        {{ money('running.recovered') }} as recovered_amount,
        {{ money('running.recovered_to_date') }} as recovered_to_date,
        {{ rate('running.recovered_to_date', 'vintages.written_off') }} as recovery_rate
    from running
    inner join vintages
        on vintages.vintage_month = running.vintage_month and vintages.source_code = running.source_code
            and vintages.currency = running.currency
)

select * from rpt_write_off_vintages
