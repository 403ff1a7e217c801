with

agreements as (
    select
        *,
        case when state in ('granted', 'uncounted', 'fulfilled') then waived_minor else 0 end as standing_minor
    from {{ ref('stg_ops__agreements') }}
),

cumulative as (
    select
        agreement_id,
        sum(standing_minor) over (
            partition by case_id, currency order by granted_at nulls last, agreement_id nulls last
            rows between unbounded preceding and current row
        ) as cumulative_minor
    from agreements
),

-- what the event of an agreement took off the claim, on the books and in the register, as it stands
waived as (
    select event_id, sum(-signed_amount) as amount
    from {{ ref('fct_journal_lines') }}
    where event_kind = 'waiver' and not is_reversed and reverses_entry_id is null
        and (substr(account_code, 1, 7) = 'claims_' or account_code = 'written_off_claims')
    group by event_id
),

instalments as (
    select
        agreement_id,
        count(*) as instalments,
        sum(case when state = 'kept' then 1 else 0 end) as kept,
        sum(case when state in ('broken', 'part_kept') then 1 else 0 end) as broken
    from {{ ref('stg_ops__agreement_instalments') }}
    group by agreement_id
),

rpt_waivers as (
    select
        cast(agreements.agreement_id as varchar) as agreement_id,
        cast(agreements.case_id as varchar) as case_id,
        cast(agreements.source_code as varchar) as source_code,
        cast(agreements.loan_id as varchar) as loan_id,
        cast(agreements.agency_code as varchar) as agency_code,
        cast(agreements.kind as varchar) as kind,
        cast(agreements.condition as varchar) as condition,
        cast(agreements.state as varchar) as state,
        cast(agreements.is_counted as boolean) as is_counted,
        {{ from_minor('agreements.balance_minor', 'agreements.currency') }} as balance_amount,
        {{ from_minor('agreements.waived_minor', 'agreements.currency') }} as requested_amount,
        {{ from_minor('case when agreements.granted_at is not null then agreements.waived_minor else 0 end', 'agreements.currency') }} as approved_amount,
        {{ money('coalesce(waived.amount, 0)') }} as effective_amount,
        {{ from_minor("case when agreements.state = 'lapsed' then agreements.waived_minor else 0 end", 'agreements.currency') }} as lapsed_amount,
        {{ from_minor('cumulative.cumulative_minor', 'agreements.currency') }} as cumulative_amount,
        {{ from_minor('agreements.waived_principal_minor', 'agreements.currency') }} as waived_principal,
        {{ from_minor('agreements.waived_interest_minor', 'agreements.currency') }} as waived_interest,
        {{ from_minor('agreements.waived_fees_minor', 'agreements.currency') }} as waived_fees,
        {{ from_minor('agreements.waived_penalty_minor', 'agreements.currency') }} as waived_penalty,
        {{ from_minor('agreements.to_pay_minor', 'agreements.currency') }} as to_pay_amount,
        {{ from_minor('agreements.paid_minor', 'agreements.currency') }} as paid_amount,
        {{ from_minor('agreements.left_minor', 'agreements.currency') }} as left_amount,
        cast(agreements.currency as varchar) as currency,
        cast(coalesce(instalments.instalments, 0) as bigint) as instalments,
        cast(coalesce(instalments.kept, 0) as bigint) as kept_instalments,
        cast(coalesce(instalments.broken, 0) as bigint) as broken_instalments,
        cast(agreements.next_due_date as date) as next_due_date,
        cast(agreements.last_due_date as date) as last_due_date,
        cast(agreements.met_date as date) as met_date,
        cast(agreements.lapsed_date as date) as lapsed_date,
        cast(agreements.lapse_reason as varchar) as lapse_reason,
        cast(agreements.waiver_event_id as varchar) as waiver_event_id,
        cast(agreements.requested_at as timestamp) as requested_at,
        cast(agreements.granted_at as timestamp) as granted_at
    from agreements
    inner join cumulative on cumulative.agreement_id = agreements.agreement_id
    left join waived on waived.event_id = agreements.waiver_event_id
    left join instalments on instalments.agreement_id = agreements.agreement_id
)

select * from rpt_waivers
